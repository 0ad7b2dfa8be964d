/**
 * On-Demand Mail Relay, ATRN (RFC 2645): mail for the domains of a client without an address of its own is held until the client comes,
 * logs in and says ATRN. Then the roles are changed on the same connection: the client is the server and gets its mail.
 * Delivering is core's (`dispatcher`), speaking SMTP is mx's (`mail-client`); here is only who gets what.
 */
import { definePlugin, MailError, type Session, type SmtpReply, type SmtpTurn, unreachable, via } from 'posthouse/api'
import { asDomain, readClients, readDomains } from './clients.js'
import { TARGET, Turn, WAITS } from './turn.js'
import { whatWaits } from './waiting.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    not_on: {
      type: 'array',
      maxItems: 100,
      items: { type: 'string', minLength: 1, maxLength: 256 },
      default: ['submission', 'submissions'],
      description: 'listeners that do not offer it: those for submission (RFC 6409 §7)',
    },
    clients: {
      type: 'array',
      maxItems: 10_000,
      default: [],
      description: 'who comes for the mail of which domains',
      items: {
        type: 'object',
        description: 'a client',
        additionalProperties: false,
        required: ['login', 'domains'],
        properties: {
          login: { type: 'string', minLength: 1, maxLength: 256, description: 'login of its account' },
          domains: {
            type: 'array',
            minItems: 1,
            maxItems: 1000,
            items: { type: 'string', minLength: 1, maxLength: 256 },
            description: 'domains, each of them in relay_domains of server.yaml',
          },
        },
      },
    },
  },
} as const

// RFC 2645 §7; the enhanced codes are RFC 3463's.
const REPLY = {
  turning: { code: 250, status: '2.0.0', text: 'OK now reversing the connection' },
  syntax: { code: 501, status: '5.5.4', text: 'Syntax: ATRN [domain[,domain…]]' },
  helloFirst: { code: 503, status: '5.5.1', text: 'Say EHLO first' },
  refused: { code: 450, status: '4.7.1', text: 'ATRN request refused: not all of these domains are yours' },
  busy: { code: 451, status: '4.3.0', text: 'Unable to process ATRN request now' },
  // RFC 2645 §5.2.1: 450 for one request too many. 453 would be untrue: should the other session fail, there is mail again.
  underWay: { code: 450, status: '4.3.0', text: 'ATRN request refused: your mail is going out in another session' },
  noMail: { code: 453, status: '4.0.0', text: 'You have no mail' },
} as const satisfies Record<string, SmtpReply>

export default definePlugin({
  name: 'atrn',
  summary: 'holds mail for clients that come and get it by ATRN',
  config: CONFIG,
  needs: ['store', 'dispatcher', 'mail-client'],
  setup({ config, fault, services, clock, log, metrics, server }) {
    const clients = readClients(config.clients, server.relayDomains, fault)
    const { queue } = services.get('store')
    const turn = new Turn(services.get('mail-client'), services.get('dispatcher'), log, metrics)

    async function answer(session: Session, argument: string, signal: AbortSignal): Promise<SmtpReply | SmtpTurn> {
      const { account } = session
      if (session.helo === undefined || account === undefined) return REPLY.helloFirst
      const named = readDomains(argument)
      if (named === undefined) return REPLY.syntax
      const own = clients.of(account.login)
      const wanted = named.length === 0 ? [...own] : named
      // RFC 2645 §5.2.1: all of them or none.
      if (wanted.length === 0 || !wanted.every(domain => own.has(domain))) {
        log.info({ id: session.id, login: account.login, domains: wanted }, 'ATRN refused')
        return REPLY.refused
      }
      const lanes = new Set(wanted)
      const waiting = await whatWaits(queue, lanes, clock.now(), signal)
      switch (waiting) {
        case 'mail':
          return { kind: 'turn', reply: REPLY.turning, take: (socket, over) => turn.take(session, lanes, socket, over) }
        case 'none':
          return REPLY.noMail
        case 'under-way':
          return REPLY.underWay
        case 'unknown':
          return REPLY.busy
        default:
          return unreachable(waiting)
      }
    }

    return {
      hooks: {
        route({ recipient: { address } }) {
          const domain = asDomain(address.domain)
          return domain !== undefined && clients.domains.has(domain) ? via(TARGET, address, { hold: WAITS }) : undefined
        },
      },
      targets: {
        [TARGET]: {
          scope: 'remote',
          lane: to => asDomain(to.domain) ?? to.domain,
          // Released by hand or from quarantine: it waits for the client like all the rest.
          async deliver({ recipients }) {
            return recipients.map(({ row }) => ({ kind: 'deferred', row, status: '4.4.1', text: WAITS, hold: WAITS }))
          },
        },
      },
      smtpVerbs: {
        ATRN: {
          keyword: 'ATRN',
          // RFC 2645 §5.2.1: 530 for others.
          login: true,
          betweenMails: true,
          available: ({ protocol, listener }) => protocol === 'smtp' && !config.not_on.includes(listener),
          async run(session, argument, signal) {
            try {
              return await answer(session, argument, signal)
            } catch (error) {
              if (!(error instanceof MailError)) throw error
              log.error({ err: error, id: session.id }, 'queue cannot be read for ATRN')
              return REPLY.busy
            }
          },
        },
      },
    }
  },
})
