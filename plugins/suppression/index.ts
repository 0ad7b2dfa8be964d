/**
 * Recipients that failed for good are not tried again for a time. Lists of addresses grow old, and who goes on sending to the dead is taken
 * for a spammer by the living. Whoever writes to such an address hears so at once, while they can still do something about it.
 */
import { asFarAsKnown, definePlugin, REPLY_CLASSES, type ReplyClass, reject } from 'posthouse/api'
import { formatAddress, formatDate, parseDuration, printable } from 'posthouse/text'
import { suppressionCommands } from './commands.js'
import { ofReport, ofSettled } from './failures.js'
import { type Entry, Suppressed } from './list.js'
import { SCOPES, scopeOf } from './scope.js'

const CLASSES = Object.keys(REPLY_CLASSES) as ReplyClass[]

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    scope: {
      enum: SCOPES,
      default: 'domain',
      description: 'for whom: every sender of the domain that failed, the login alone, or all',
    },
    classes: {
      type: 'array',
      items: { enum: CLASSES },
      minItems: 1,
      uniqueItems: true,
      default: ['no-such-user', 'bad-address'],
      description: 'failures that mean: never again',
    },
    after: { type: 'integer', minimum: 1, maximum: 100, default: 2, description: 'so many of them' },
    within: { type: 'string', format: 'duration', default: '30d', description: 'in this time' },
    for: { type: 'string', format: 'duration', default: '30d', description: 'how long an address is left alone' },
    complaints: {
      type: 'string',
      format: 'duration',
      default: '0s',
      description: 'how long, after a complaint (ARF) about mail of that scope; 0s: complaints do not count',
    },
    most: { type: 'integer', minimum: 1, maximum: 10_000, default: 10_000, description: 'addresses at most' },
    text: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      default: 'This address has failed for good before and is not tried again for now',
      description: 'what the sender hears; the reason and the date follow',
    },
  },
} as const

export default definePlugin({
  name: 'suppression',
  summary: 'does not try recipients again that failed for good',
  config: CONFIG,
  setup({ config, state, clock, server, metrics, log }) {
    const [withinMs, forMs, complaintMs] = [config.within, config.for, config.complaints].map(
      one => parseDuration(one)!,
    ) as [number, number, number]
    const list = new Suppressed(state, clock, { after: config.after, withinMs, forMs, most: config.most })
    const classes: ReadonlySet<string> = new Set(config.classes)
    const isOurs = (domain: string) => server.domains.has(domain)

    function tell(entry: Entry | undefined): void {
      if (entry === undefined) return
      metrics.count('suppression.added')
      const { address, scope, why, until } = entry
      log.info({ to: address, scope, why, until }, 'recipient suppressed')
    }

    return {
      hooks: {
        async rcpt({ session, envelope, recipient }, call) {
          const { address } = recipient
          if (isOurs(address.domain) || (session.account === undefined && !session.trusted)) return undefined
          const scope = scopeOf(config.scope, { sender: envelope.sender, login: session.account?.login })
          const entry = await asFarAsKnown(call.log, 'suppressed', () => list.findFor(scope, formatAddress(address)))
          if (entry === undefined) return undefined
          metrics.count('suppression.refused')
          return reject(`${config.text} (until ${formatDate(entry.until)}): ${printable(entry.why, 120)}`, {
            code: 550,
            // RFC 3463 §3.2: X.1.1, bad destination mailbox; §3.8: X.7.1 where its owner does not want it
            status: entry.kind === 'complaint' ? '5.7.1' : '5.1.1',
            because: {
              rule: 'suppressed',
              evidence: `${entry.address} for ${entry.scope}: ${entry.why}`,
              exception: `posthouse suppression remove ${entry.address}`,
            },
          })
        },
        async settled({ job, outcomes }) {
          // What strangers write to dead addresses, through us to a relay domain or an alias, is nobody's experience here.
          if (job.submitter === undefined || job.sender === null) return
          const scope = scopeOf(config.scope, { sender: job.sender, login: job.login })
          for (const one of ofSettled(job, outcomes, classes)) {
            if (isOurs(one.domain)) continue
            if (one.kind === 'delivered') await list.forget(scope, one.address)
            else tell(await list.failed(scope, one.address, one.why, 'failures'))
          }
        },
        async event({ event }) {
          const one = ofReport(event, classes)
          if (one === undefined || isOurs(one.domain)) return
          const scope = scopeOf(config.scope, { sender: one.sender, login: event.login })
          if (one.kind === 'failed') tell(await list.failed(scope, one.address, one.why, 'returns'))
          else if (complaintMs > 0) tell(await list.complained(scope, one.address, one.why, complaintMs))
        },
      },
      commands: suppressionCommands({ list, clock, scope: config.scope, forMs }),
    }
  },
})
