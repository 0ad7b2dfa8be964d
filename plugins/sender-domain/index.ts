/**
 * Whether the domain of MAIL FROM exists and takes mail, so that a bounce could reach it. The look-up begins at MAIL and nobody waits
 * for it then; it is answered at the moment of `answer_at`. The null sender, our own domains and those in `except` are not looked at.
 */
import {
  awaitedLater,
  type Call,
  ConfigError,
  definePlugin,
  type Envelope,
  findingsOf,
  type Judgement,
  objectionTo,
  type Resolver,
  tellUnknown,
} from 'posthouse/api'
import { Beside, toAsciiDomain } from 'posthouse/text'
import { CONFIG, exceptedDomain, type Terms, termsOf } from './config.js'
import { judge } from './judge.js'

const UNKNOWN_REPLY = {
  text: 'The domain of the sender address cannot be looked up now, try again later',
  detail: '1.8',
}

export default definePlugin({
  name: 'sender-domain',
  summary: 'whether the domain of the sender exists and takes mail',
  config: CONFIG,
  setup({ config, dns, server, fault }) {
    const wrong = config.except.findIndex(text => exceptedDomain(text) === undefined)
    if (wrong >= 0)
      throw new ConfigError([
        fault(['except', wrong], `"${config.except[wrong]}": expected example.org or .example.org`),
      ])
    const terms = termsOf(config, server)
    const senders = new Senders(terms, dns)
    return {
      hooks: {
        mail({ envelope }, call) {
          const judgement = senders.judged(envelope, call)
          return terms.answerAt === 'mail' ? senders.objection(judgement) : undefined
        },
        rcpt: ({ envelope, recipient }, call) =>
          terms.answerAt === 'rcpt' && !terms.spares(recipient.address)
            ? senders.objection(senders.judged(envelope, call))
            : undefined,
        score: async ({ envelope }, call) => findingsOf(await senders.judged(envelope, call)),
      },
    }
  },
})

/** One judgement for each envelope. */
class Senders {
  readonly #terms: Terms
  readonly #dns: Resolver
  readonly #judged = new Beside<Envelope, Promise<Judgement>>()

  constructor(terms: Terms, dns: Resolver) {
    this.#terms = terms
    this.#dns = dns
  }

  judged(envelope: Envelope, call: Call): Promise<Judgement> {
    const there = this.#judged.get(envelope)
    if (there !== undefined) return there
    const judgement = awaitedLater(this.#judge(envelope, call))
    this.#judged.set(envelope, judgement)
    return judgement
  }

  async objection(judgement: Promise<Judgement>) {
    return objectionTo(await judgement, { answer: this.#terms.whenUnknown, ...UNKNOWN_REPLY })
  }

  async #judge({ sender }: Envelope, call: Call): Promise<Judgement> {
    // RFC 5321 §4.5.5: bounces come from nobody, and must get through.
    if (sender === null || sender.domain === '') return []
    const domain = toAsciiDomain(sender.domain) ?? sender.domain
    if (this.#terms.isExcepted(domain)) return []
    const judgement = await judge(domain, this.#terms, this.#dns, call.signal)
    tellUnknown(call.log, judgement)
    return judgement
  }
}
