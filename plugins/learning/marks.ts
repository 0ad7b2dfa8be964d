/**
 * What users say of their mail by moving it into Junk and out of it, or by marking it. Each mail counts once for an account, the last word counts, and
 * so many words a day.
 */
import type { Marking, Message, Metrics, State } from 'posthouse/api'
import type { Terms } from './config.js'
import { keyOf, type Label } from './entry.js'
import type { Journal } from './journal.js'
import { probabilityOf } from './judge.js'
import { MOST_READ, readLesson } from './lesson.js'
import type { Learned, Teacher } from './teacher.js'

const DAY_MS = 86_400_000
const MOST_WAITING = 1000

export interface MarkParts {
  readonly journal: Journal
  readonly teacher: Teacher
  readonly state: State
  readonly terms: Terms
  readonly metrics: Metrics
  readonly messageOf: (bytes: Buffer) => Message
}

/** What is to be written to the log; nothing when nothing was learned. */
export async function learnMark(parts: MarkParts, marking: Marking, now: number): Promise<object | undefined> {
  const { journal, teacher, state, terms, messageOf } = parts
  const { accountId, says, by, prefix } = marking
  const label: Label = says === 'junk' ? 'spam' : 'ham'
  const start = Buffer.byteLength(prefix)
  const read = await readLesson(messageOf(await marking.read(start, start + MOST_READ)))
  await journal.ready()
  const before = journal.standing(keyOf(accountId, read.print))
  // Some mail programs mark so, unasked, whatever their own filter lets pass.
  if (before === undefined && by === 'keyword' && says === 'not-junk') return undefined
  if (before?.label === label) return undefined
  const { granted } = await state.spend(`marks/${accountId}`, 1, { limit: terms.marksPerDay, windowMs: DAY_MS }, now)
  if (!granted) return undefined
  const learned = await teacher.learn({ who: accountId, label, by, ...read })
  return learned.kind === 'known' ? undefined : { account: accountId, label, by, ...movedBy(learned) }
}

/** Spam in per cent, before and after. */
export function movedBy(learned: Exclude<Learned, { kind: 'known' }>): { readonly was: number; readonly is: number } {
  return { was: percent(learned.before.sum), is: percent(learned.after.sum) }
}

export function percent(sum: number): number {
  return Math.round(probabilityOf(sum) * 100)
}

/** One after the other: each lesson stands on the one before. */
export class Line {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** `undefined`: too many wait. */
  async next<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#waiting >= MOST_WAITING) return undefined
    this.#waiting++
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    try {
      return await done
    } finally {
      this.#waiting--
    }
  }
}
