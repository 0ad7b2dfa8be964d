/**
 * ETRN (RFC 1985): a client that has just come on line asks us to try what waits for its domains now, and not when its next attempt is
 * due. It decides nothing about where the mail goes: it only makes rows of the queue due, and the mail takes the way it would have taken.
 * Only clients named in the config may ask, and only for the domains named beside them.
 */
import { definePlugin, MailError, type SmtpReply } from 'posthouse/api'
import { readClients } from './clients.js'
import { readNode } from './node.js'
import { kick } from './queue.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    clients: {
      type: 'array',
      maxItems: 10_000,
      default: [],
      description: 'who may ask for which domains',
      items: {
        type: 'object',
        description: 'a client',
        additionalProperties: false,
        required: ['domains'],
        properties: {
          domains: {
            type: 'array',
            minItems: 1,
            items: { type: 'string', minLength: 1, maxLength: 256 },
            description: '"example.org", or ".example.org" for it and all below it',
          },
          networks: {
            type: 'array',
            items: { type: 'string', format: 'network' },
            default: [],
            description: 'networks it comes from',
          },
          logins: {
            type: 'array',
            items: { type: 'string', minLength: 1 },
            default: [],
            description: 'logins it may use instead',
          },
        },
      },
    },
    not_on: {
      type: 'array',
      maxItems: 100,
      items: { type: 'string', minLength: 1, maxLength: 256 },
      default: ['submission', 'submissions'],
      description: 'listeners that do not offer it: those for submission (RFC 6409 §7)',
    },
    target: { type: 'string', minLength: 1, default: 'mx', description: 'target whose mail is tried' },
  },
} as const

const SYNTAX = 'ETRN domain, or ETRN @domain for its subdomains too'

export default definePlugin({
  name: 'etrn',
  summary: 'lets clients have their waiting mail tried at once',
  config: CONFIG,
  needs: ['store'],
  setup({ config, fault, services, clock, log, metrics }) {
    const clients = readClients(config.clients, fault)
    const { queue } = services.get('store')
    return {
      smtpVerbs: {
        ETRN: {
          keyword: 'ETRN',
          available: ({ protocol, listener }) => protocol === 'smtp' && !config.not_on.includes(listener),
          // RFC 1985 §5
          betweenMails: true,
          async run(session, argument, signal): Promise<SmtpReply> {
            // RFC 1985 §5: once a session is established.
            if (session.helo === undefined) return { code: 503, status: '5.5.1', text: 'Say EHLO first' }
            const node = readNode(argument)
            if (node === undefined) return { code: 501, status: '5.5.4', text: `Syntax: ${SYNTAX}` }
            // RFC 1985 §5.3: which queues have names is a local matter.
            if (node === 'queue')
              return { code: 459, status: '4.7.1', text: 'Node # not allowed: queues have no names here' }
            const allowed = clients.domainsFor(session)
            if (!allowed.covers(node.domain)) {
              log.info({ id: session.id, remote: session.remote.address, node: node.text }, 'ETRN refused')
              return {
                code: 459,
                status: '4.7.1',
                text: `Node ${node.text} not allowed: it is not for you to ask for it`,
              }
            }
            try {
              const lanes = new Set<string>()
              const parts = { target: config.target, node, allowed, now: clock.now(), signal }
              const started = await kick(queue, parts, lanes)
              // It has come on line, so that nobody answered before says nothing any more.
              await services.find('dispatcher')?.answers?.(lanes)
              metrics.count('etrn.messages', started.messages)
              log.info({ id: session.id, node: node.text, ...started }, 'queue started for a client')
              return startedReply(node.text, started)
            } catch (error) {
              if (!(error instanceof MailError)) throw error
              log.error({ err: error, node: node.text }, 'queue cannot be started')
              return { code: 458, status: '4.3.0', text: `Unable to queue messages for node ${node.text}` }
            }
          },
        },
      },
    }
  },
})

/** RFC 1985 §5.1: as exactly as we know it. */
function startedReply(node: string, { messages, complete }: Awaited<ReturnType<typeof kick>>): SmtpReply {
  if (!complete) {
    return messages === 0
      ? { code: 250, status: '2.0.0', text: `OK, queuing for node ${node} started` }
      : { code: 252, status: '2.0.0', text: `OK, pending messages for node ${node} started` }
  }
  return messages === 0
    ? { code: 251, status: '2.0.0', text: `OK, no messages waiting for node ${node}` }
    : { code: 253, status: '2.0.0', text: `OK, ${messages} pending messages for node ${node} started` }
}
