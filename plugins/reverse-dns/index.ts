/**
 * Forward-confirmed reverse DNS (RFC 8601 §2.7.3, iprev): the look-up starts when a client connects and nobody waits for it then; at
 * HELO its result becomes a label, and at the moment of `answer_at` a refusal, if one is asked for. The confirmed name goes into our
 * Received field by core.
 */
import { isIP } from 'node:net'
import {
  type Answered,
  awaitedLater,
  type Call,
  definePlugin,
  findingsOf,
  type Judgement,
  label,
  objectionTo,
  type ReverseName,
  type Session,
  tellUnknown,
  troubleOf,
  within,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import { CONFIG, type Terms, termsOf } from './config.js'
import { judge, labelOf } from './judge.js'

const UNKNOWN_REPLY = { text: 'Your reverse name cannot be looked up now, try again later', detail: '7.25' }

export default definePlugin({
  name: 'reverse-dns',
  summary: 'reverse names of clients, confirmed forward: labels, refusals or points',
  config: CONFIG,
  setup({ config }) {
    const terms = termsOf(config)
    const door = new Door(terms)
    const at = terms.answer_at
    return {
      labels: ['rdns-confirmed', 'rdns-unconfirmed', 'rdns-missing'],
      hooks: {
        connect({ session }, call) {
          const known = door.lookUp(session, call)
          return at === 'connect' ? afterObjection(door.objection(session, call), known) : undefined
        },
        async helo({ session }, call) {
          const objection = at === 'helo' ? await door.objection(session, call) : undefined
          return objection ?? named(await door.lookUp(session, call))
        },
        mail: ({ session }, call) => (at === 'mail' ? door.objection(session, call) : undefined),
        rcpt: ({ session, recipient }, call) =>
          at === 'rcpt' && !terms.spares(recipient.address) ? door.objection(session, call) : undefined,
        score: async ({ session }, call) => findingsOf(await door.judged(session, call)),
      },
    }
  },
})

async function afterObjection(objection: ReturnType<Door['objection']>, known: Promise<ReverseName> | undefined) {
  return (await objection) ?? named(await known)
}

function named(found: ReverseName | undefined): Answered['helo'] {
  const name = found && labelOf(found)
  return name === undefined ? undefined : label(name)
}

/** One look-up for each client of a session; XCLIENT makes another client of it. */
class Door {
  readonly #terms: Terms
  readonly #found = new Beside<Session, { readonly address: string; readonly name: Promise<ReverseName> }>()
  readonly #told = new WeakSet<Promise<ReverseName>>()

  constructor(terms: Terms) {
    this.#terms = terms
  }

  /** `undefined`: nothing is asked about this address. */
  lookUp(session: Session, call: Call): Promise<ReverseName> | undefined {
    const { address } = session.remote
    const there = this.#found.get(session)
    if (there?.address === address) return there.name
    // Mail of our own comes from nowhere.
    if (session.protocol === 'internal' || isIP(address) === 0 || this.#terms.exempt.has(address)) return undefined
    const name = awaitedLater(patiently(session, this.#terms.withinMs, call.signal))
    this.#found.set(session, { address, name })
    return name
  }

  async judged(session: Session, call: Call): Promise<Judgement> {
    const name = this.lookUp(session, call)
    if (name === undefined) return []
    const judgement = judge(await name, session.remote.address, this.#terms)
    if (!this.#told.has(name)) tellUnknown(call.log, judgement)
    this.#told.add(name)
    return judgement
  }

  async objection(session: Session, call: Call) {
    return objectionTo(await this.judged(session, call), { answer: this.#terms.whenUnknown, ...UNKNOWN_REPLY })
  }
}

/** Never throws, unless there is a bug. */
async function patiently(session: Session, ms: number, signal: AbortSignal): Promise<ReverseName> {
  try {
    return await within(ms, signal, () => session.reverse())
  } catch (error) {
    return { kind: 'unknown', why: troubleOf(error) }
  }
}
