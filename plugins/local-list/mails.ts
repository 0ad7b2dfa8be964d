/** What of a mail is on the list, found out once for each message. Trouble with the store is said in the log and holds nobody up. */
import {
  type Asked,
  asFarAsKnown,
  awaitedLater,
  type Call,
  type MailAuth,
  type Message,
  type Metrics,
  type ReverseName,
  type Session,
  within,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import type { Terms } from './config.js'
import type { SiteList } from './site-list.js'
import { ofEnvelope, ofMessage, type Wanted } from './subjects.js'
import { type Hit, type Weighed, weigh } from './weigh.js'

export interface MailsParts {
  readonly list: SiteList
  readonly points: Terms['points']
  readonly metrics: Metrics
  /** Nothing: nobody knows who vouches for mail. */
  readonly mailAuth: () => MailAuth | undefined
  /** There is a name service: reverse names can be known. */
  readonly looksUp: boolean
}

const NOTHING: Weighed = { findings: [], sum: 0 }
const REVERSE_MS = 5000
const MAX_TOLD = 10

export class ListedMails {
  readonly #parts: MailsParts
  readonly #judged = new Beside<Message, Promise<Weighed>>()

  constructor(parts: MailsParts) {
    this.#parts = parts
  }

  /** By what is known before the message comes. */
  async ofEnvelope(asked: Asked['rcpt'], call: Call): Promise<Weighed> {
    const work = async () =>
      weigh(await this.#hits(ofEnvelope(asked, await this.#reverseOf(asked.session, call))), this.#parts.points)
    return (await asFarAsKnown(call.log, 'local-list', work)) ?? NOTHING
  }

  ofMessage(asked: Asked['score'], call: Call): Promise<Weighed> {
    const there = this.#judged.get(asked.message)
    if (there !== undefined) return there
    const found = awaitedLater(
      asFarAsKnown(call.log, 'local-list', () => this.#judge(asked, call)).then(known => known ?? NOTHING),
    )
    this.#judged.set(asked.message, found)
    return found
  }

  async #judge(asked: Asked['score'], call: Call): Promise<Weighed> {
    const { mailAuth, points, metrics } = this.#parts
    const facts = await mailAuth()?.found(asked, call)
    const hits = await this.#hits(await ofMessage(asked, await this.#reverseOf(asked.session, call), facts))
    if (hits.length === 0) return NOTHING
    const weighed = weigh(hits, points)
    metrics.count('local-list.hits', hits.length)
    const entries = new Set(hits.map(({ entry }) => `${entry.pattern} (${entry.place})`))
    call.log.info({ sum: weighed.sum, entries: [...entries].slice(0, MAX_TOLD) }, 'mail is on the local list')
    return weighed
  }

  async #hits(wanted: readonly Wanted[]): Promise<readonly Hit[]> {
    const entries = await this.#parts.list.findAll(wanted.map(({ question }) => question))
    return wanted.flatMap((one, at) => (entries[at] === undefined ? [] : [{ ...one, entry: entries[at] }]))
  }

  async #reverseOf(session: Session, call: Call): Promise<ReverseName | undefined> {
    if (session.reversed !== undefined || !this.#parts.looksUp) return session.reversed
    return asFarAsKnown(call.log, 'local-list-reverse', () => within(REVERSE_MS, call.signal, () => session.reverse()))
  }
}
