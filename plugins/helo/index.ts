/**
 * Checks of the name a client greets with (RFC 5321 §4.1.1.1, §4.1.4). It is judged when it is said, look-ups begin then and nobody
 * waits for them; what follows is answered at the moment of `answer_at`, so people who log in afterwards are not stopped by a mail
 * program that does not know its name.
 */
import { isIP } from 'node:net'
import {
  awaitedLater,
  type Call,
  ConfigError,
  definePlugin,
  findingsOf,
  type Judgement,
  label,
  objectionTo,
  type Resolver,
  type Session,
  tellUnknown,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import { CONFIG, isOwn, type Terms, termsOf } from './config.js'
import { judge } from './rules.js'

const UNKNOWN_REPLY = { text: 'Your greeting cannot be looked up now, try again later', detail: '7.1' }

/** Whoever else looks at greetings (origin) need not say the same again. */
const JUDGED = label('greeting-judged')

export default definePlugin({
  name: 'helo',
  summary: 'checks of the name a client greets with: syntax, ours, nobody’s',
  config: CONFIG,
  setup({ config, dns, server, fault }) {
    const wrong = config.own.findIndex(text => !isOwn(text))
    if (wrong >= 0)
      throw new ConfigError([fault(['own', wrong], `"${config.own[wrong]}" is neither a name nor an address`)])
    const terms = termsOf(config, server)
    const greetings = new Greetings(terms, dns)
    const objection = (session: Session, call: Call) => greetings.objection(session, call)
    return {
      labels: JUDGED.names,
      hooks: {
        helo({ session, name }, call) {
          greetings.begin(session, name, call)
          const objection = terms.answerAt === 'helo' ? greetings.objection(session, call, name) : undefined
          return objection === undefined ? JUDGED : objection.then(found => found ?? JUDGED)
        },
        mail: ({ session }, call) => (terms.answerAt === 'mail' ? objection(session, call) : undefined),
        rcpt: ({ session, recipient }, call) =>
          terms.answerAt === 'rcpt' && !terms.spares(recipient.address) ? objection(session, call) : undefined,
        score: async ({ session }, call) => findingsOf(await greetings.judged(session, call)),
      },
    }
  },
})

/** One judgement for each greeting of a session. */
class Greetings {
  readonly #terms: Terms
  readonly #dns: Resolver
  readonly #judged = new Beside<Session, { readonly name: string; readonly judgement: Promise<Judgement> }>()

  constructor(terms: Terms, dns: Resolver) {
    this.#terms = terms
    this.#dns = dns
  }

  begin(session: Session, name: string, call: Call): Promise<Judgement> {
    const judgement = awaitedLater(this.#judge(session, name, call))
    this.#judged.set(session, { name, judgement })
    return judgement
  }

  /** `name`: at HELO it is not yet the session's. */
  async judged(session: Session, call: Call, name = session.helo): Promise<Judgement> {
    if (name === undefined) return []
    const there = this.#judged.get(session)
    return there?.name === name ? there.judgement : this.begin(session, name, call)
  }

  async objection(session: Session, call: Call, name?: string) {
    const judgement = await this.judged(session, call, name)
    return objectionTo(judgement, { answer: this.#terms.whenUnknown, ...UNKNOWN_REPLY })
  }

  async #judge(session: Session, name: string, call: Call): Promise<Judgement> {
    const { address } = session.remote
    // Mail of our own greets with our name, and may.
    if (session.protocol === 'internal' || isIP(address) === 0 || this.#terms.exempt.has(address)) return []
    const judgement = await judge(name, session, this.#terms, this.#dns, call.signal)
    tellUnknown(call.log, judgement)
    return judgement
  }
}
