/**
 * Asking lists in the name service (RFC 5782), all at once and within one budget; what a list says late is as if it had not been asked.
 * A question that several things in a mail lead to is asked once.
 */
import { MailError, type Resolver, troubleOf, within } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { List, Topic } from './list.js'
import type { Entries, Question } from './question.js'

/** What of a list's reason is worth a line of log. */
const MAX_REASON = 200
/** One of them is told; the others are for whoever wants to know all. */
const MAX_REASONS = 3
/** More of them mean nothing that a list has said of its codes. */
const MAX_CODES = 50

export type Listing =
  | { readonly kind: 'listed'; readonly codes: readonly string[]; readonly reason?: string }
  | { readonly kind: 'clear' }
  /** It could not be asked, or refused to answer. */
  | { readonly kind: 'unknown'; readonly why: string }

const CLEAR: Listing = { kind: 'clear' }

export interface Heard {
  readonly list: List
  readonly of: string
  /** Where in the mail it stood. */
  readonly topics: readonly Topic[]
  readonly listing: Listing
}

/** Whether a list can be asked now; lists that are wrong (`off`) are as if they were not there. */
export type Readiness = (list: List, entries: Entries) => 'ready' | 'off' | { readonly why: string }

/** A question, and what has come back. */
interface Asked {
  readonly list: List
  readonly of: string
  readonly topics: Topic[]
  listing: Listing | undefined
}

/** The questions of one mail, or of one client; they may come one after the other while the first are on their way. */
export class Round {
  readonly #dns: Resolver
  readonly #readiness: Readiness
  readonly #asked = new Map<string, Asked>()
  readonly #reasons = new Map<List, number>()
  #questions = 0

  constructor(dns: Resolver, readiness: Readiness) {
    this.#dns = dns
    this.#readiness = readiness
  }

  /** How many were put to the name service. */
  get questions(): number {
    return this.#questions
  }

  /** Asks those that have not been asked; resolves when they are answered. Never throws, unless there is a bug. */
  async ask(questions: readonly Question[], signal: AbortSignal): Promise<void> {
    const asked: Promise<void>[] = []
    for (const question of questions) {
      const answer = this.#one(question, signal)
      if (answer !== undefined) asked.push(answer)
    }
    await Promise.all(asked)
  }

  /** What has come back until now, in the order of asking. */
  heard(late = 'no answer in time'): readonly Heard[] {
    return [...this.#asked.values()].map(({ list, of, topics, listing }) => {
      return { list, of, topics, listing: listing ?? { kind: 'unknown', why: late } }
    })
  }

  #one({ list, entries, label, of, topic }: Question, signal: AbortSignal): Promise<void> | undefined {
    const key = `${label} ${list.name}`
    const there = this.#asked.get(key)
    if (there !== undefined) {
      if (!there.topics.includes(topic)) there.topics.push(topic)
      return undefined
    }
    const ready = this.#readiness(list, entries)
    if (ready === 'off') return undefined
    const listing = ready === 'ready' ? undefined : ({ kind: 'unknown', why: ready.why } as const)
    const asked: Asked = { list, of, topics: [topic], listing }
    this.#asked.set(key, asked)
    if (ready !== 'ready') return undefined
    return this.#answer(asked, label, signal)
  }

  /** Known as soon as it has come; the reason comes later, or not at all. */
  async #answer(asked: Asked, label: string, signal: AbortSignal): Promise<void> {
    const { list } = asked
    this.#questions++
    const listing = await lookUp(this.#dns, list, label, signal)
    asked.listing = listing
    if (listing.kind !== 'listed' || list.kind === 'allow') return
    const reasons = this.#reasons.get(list) ?? 0
    if (reasons >= MAX_REASONS) return
    this.#reasons.set(list, reasons + 1)
    this.#questions++
    const reason = await reasonOf(this.#dns, list, label, signal)
    if (reason !== undefined) asked.listing = { ...listing, reason }
  }
}

/** All of `questions`, within `ms`. Never throws, unless there is a bug. */
export async function askWithin(
  round: Round,
  questions: readonly Question[],
  ms: number,
  outer: AbortSignal,
): Promise<readonly Heard[]> {
  try {
    await within(ms, outer, signal => round.ask(questions, signal))
    return round.heard()
  } catch (error) {
    return round.heard(troubleOf(error))
  }
}

/** One list, without a budget of its own. Never throws, unless there is a bug. */
export async function lookUp(dns: Resolver, list: List, label: string, signal: AbortSignal): Promise<Listing> {
  try {
    const codes = await dns.a(`${label}.${list.zone}`, signal)
    if (codes.length === 0) return CLEAR
    const refused = codes.find(list.refuses)
    if (refused !== undefined) return { kind: 'unknown', why: `query refused (${refused})` }
    return { kind: 'listed', codes: codes.slice(0, MAX_CODES) }
  } catch (error) {
    // The zone may hold a customer's key.
    return { kind: 'unknown', why: troubleOf(error).replaceAll(list.zone, list.name) }
  }
}

/** RFC 5782 §2.1: TXT says why; it is for the log and decides nothing. */
async function reasonOf(dns: Resolver, list: List, label: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const texts = await dns.txt(`${label}.${list.zone}`, signal)
    return texts.length === 0 ? undefined : printable(texts.join(' / ').replaceAll(list.zone, list.name), MAX_REASON)
  } catch (error) {
    if (error instanceof MailError) return undefined
    throw error
  }
}
