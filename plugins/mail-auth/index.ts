/**
 * Who stands behind a mail from elsewhere: SPF, DKIM, DMARC and iprev, checked once when it has come, told to everybody in
 * Authentication-Results, to the filter as findings, and to other plugins as the service `mail-auth`. DMARC policies are applied only where the admin says so.
 */
import {
  type Answered,
  type Asked,
  type AuthFacts,
  awaitedLater,
  type Call,
  definePlugin,
  type Log,
  type MailAuth,
  type Message,
  type Metrics,
  ownCall,
  quarantine,
  type ReverseName,
  reject,
  sparing,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import { orElse, withinBudget } from './budget.js'
import { mailAuthCommands } from './commands.js'
import { CONFIG, termsOf } from './config.js'
import { findingsFrom } from './findings.js'
import { iprevOf } from './iprev.js'
import { resultsField } from './results.js'
import { type Arrival, type VerifyParts, verifyMessage } from './verify.js'

const LATE: ReverseName = { kind: 'unknown', why: 'no answer in time' }

/** RFC 5321 §4.5.1: who is asked for help by those whose mail we refuse. */
const spares = sparing(['postmaster', 'abuse'])

export default definePlugin({
  name: 'mail-auth',
  summary: 'checks SPF, DKIM, DMARC and iprev of mail that comes in',
  config: CONFIG,
  supplies: ['mail-auth'],
  setup({ config, server, dns, clock, log, metrics, services, signal, messageOf }) {
    const terms = termsOf(config)
    const partsWith = (within: AbortSignal, chain: VerifyParts['chain']): VerifyParts => ({
      ...{ dns, terms, now: clock.now(), signal: within, chain },
    })
    const checked = new Checked(dns.configured, log, metrics, (asked, call) =>
      withinBudget(terms.withinMs, [signal, call.signal], within => {
        const chain = async () => services.find('arc-chains')?.whole(asked, call)
        return verifyMessage(
          arrivalOf(asked, within),
          partsWith(within, () => orElse(within, chain(), undefined)),
        )
      }),
    )
    return {
      services: { 'mail-auth': checked },
      hooks: {
        async score(asked, call) {
          const facts = await checked.found(asked, call)
          return facts && findingsFrom(facts, terms.points)
        },
        async message(asked, call) {
          if (terms.enforce === 'off' || spares(asked.recipient.address)) return undefined
          const facts = await checked.found(asked, call)
          return facts && consequence(facts)
        },
        async headers(asked, call) {
          const facts = await checked.found(asked, call)
          return (
            facts && { name: 'Authentication-Results', value: resultsField(server.name, facts, asked.envelope.sender) }
          )
        },
      },
      commands: mailAuthCommands({
        ...{ dns, server: server.name, messageOf },
        verify: arrivalWith =>
          withinBudget(terms.withinMs, [signal], within =>
            verifyMessage(
              arrivalWith(within),
              partsWith(within, async () => undefined),
            ),
          ),
      }),
    }
  },
})

/** One check for each message, whoever asks first. */
class Checked implements MailAuth {
  readonly #verify: (asked: Asked['score'], call: Call) => Promise<AuthFacts>
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #configured: boolean
  readonly #found = new Beside<Message, Promise<AuthFacts>>()

  constructor(
    configured: boolean,
    log: Log,
    metrics: Metrics,
    verify: (asked: Asked['score'], call: Call) => Promise<AuthFacts>,
  ) {
    this.#configured = configured
    this.#log = log
    this.#metrics = metrics
    this.#verify = verify
  }

  async found(asked: Asked['score'], call: Call): Promise<AuthFacts | undefined> {
    const { session, message } = asked
    // LMTP and mail of our own come from this house; who has logged in was checked better.
    const foreign = session.protocol === 'smtp' && session.account === undefined && !session.trusted
    if (!foreign || !this.#configured) return undefined
    const there = this.#found.get(message)
    if (there !== undefined) return there
    const found = awaitedLater(this.#told(asked, ownCall(call, this.#log, session)))
    this.#found.set(message, found)
    return found
  }

  async #told(asked: Asked['score'], call: Call): Promise<AuthFacts> {
    const facts = await this.#verify(asked, call)
    const { helo, mailFrom, dkim, dmarc, questions } = facts
    const results = { helo: helo?.result, spf: mailFrom?.result, dkim: dkim.map(one => `${one.domain} ${one.result}`) }
    call.log.info({ ...results, dmarc: dmarc.result, from: dmarc.domain, questions }, 'origin checked')
    this.#metrics.observe('questions', questions)
    this.#metrics.count(`dmarc-${dmarc.result}`)
    if (mailFrom !== undefined) this.#metrics.count(`spf-${mailFrom.result}`)
    for (const { result } of dkim) this.#metrics.count(`dkim-${result}`)
    return facts
  }
}

function arrivalOf({ session, envelope, message }: Asked['score'], signal: AbortSignal): Arrival {
  const { address } = session.remote
  const sender = envelope.sender === null || envelope.sender.domain === '' ? null : envelope.sender
  const iprev = async () => iprevOf(address, await orElse(signal, session.reverse(), LATE))
  return { message, id: envelope.id, sender, client: { address, helo: session.helo ?? '', iprev } }
}

/** RFC 7489 §6.7: what the domain of From asks for, as far as the admin follows it. */
function consequence({ dmarc }: AuthFacts): Answered['message'] {
  const { applied = 'none' } = dmarc
  if (applied === 'none') return undefined
  const exception = 'name its list or forwarder in forwarders of mail-auth, or a sealer in trusted_sealers'
  const because = { rule: `dmarc-${dmarc.disposition}`, evidence: dmarc.why, exception }
  // RFC 7372 §3.3
  if (applied === 'reject')
    return reject(
      `${dmarc.domain} asks to refuse mail in its name that is neither signed by it nor sent by its servers`,
      {
        ...{ code: 550, status: '5.7.26', because },
      },
    )
  return quarantine(`DMARC: ${dmarc.why}`)
}
