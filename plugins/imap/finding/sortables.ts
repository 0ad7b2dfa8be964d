/** What SORT and THREAD go by, of messages that were found: entries, and the facts of headers. And sorting that lets others have their turn. */
import { setImmediate as turn } from 'node:timers/promises'
import type { MailEntry } from 'posthouse/api'
import { Content } from '../content.js'
import { digestReader } from '../digest.js'
import type { Session } from '../session.js'
import { type Facts, factsOf } from './facts.js'
import type { Sortable } from './sorting.js'

const BATCH_MESSAGES = 500
const SORTED_AT_ONCE = 2000
const MERGED_AT_ONCE = 10_000
const NO_FACTS: Facts = factsOf([])

/** Ascending by UID; without those that have gone meanwhile. */
export async function sortablesOf(session: Session, uids: readonly number[], facts: boolean): Promise<Sortable[]> {
  const { mailbox } = session.open
  const sortables: Sortable[] = []
  for (let at = 0; at < uids.length; at += BATCH_MESSAGES) {
    await turn()
    const entries = await mailbox.get(uids.slice(at, at + BATCH_MESSAGES))
    const known = facts ? await factsIn(session, entries) : entries.map(() => NO_FACTS)
    for (const [index, { uid, date, size }] of entries.entries()) {
      const one = known[index]
      if (one) sortables.push({ uid, date, size, facts: one })
    }
  }
  return sortables
}

async function factsIn(session: Session, entries: readonly MailEntry[]): Promise<(Facts | undefined)[]> {
  const { mailbox, structures } = session.open
  const facts = await mailbox.digests(entries, octets => digestReader(octets)?.facts())
  const made: (readonly [MailEntry, Buffer])[] = []
  for (const [index, entry] of entries.entries()) {
    if (facts[index] !== undefined) continue
    const content = new Content(entry, mailbox, structures, session.deps.gate)
    facts[index] = await factsInMessage(content)
    if (content.made) made.push([entry, content.made])
    await turn()
  }
  session.deps.keeper.keep(mailbox, made)
  return facts
}

/** `undefined`: the message has gone meanwhile. */
async function factsInMessage(content: Content): Promise<Facts | undefined> {
  try {
    return await content.facts()
  } catch (error) {
    if (error instanceof Error && 'errorCode' in error && error.errorCode === 'message-gone') return undefined
    throw error
  }
}

/** Stable, as `sort` is. */
export async function sortInTurns<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  let runs: T[][] = []
  for (let at = 0; at < items.length; at += SORTED_AT_ONCE) {
    runs.push(items.slice(at, at + SORTED_AT_ONCE).sort(compare))
    await turn()
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let i = 0; i < runs.length; i += 2)
      merged.push(runs[i + 1] === undefined ? runs[i]! : await merge(runs[i]!, runs[i + 1]!, compare))
    runs = merged
  }
  return runs[0] ?? []
}

async function merge<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const merged: T[] = []
  let [l, r] = [0, 0]
  while (l < left.length && r < right.length) {
    merged.push(compare(left[l]!, right[r]!) <= 0 ? left[l++]! : right[r++]!)
    if (merged.length % MERGED_AT_ONCE === 0) await turn()
  }
  for (; l < left.length; l++) merged.push(left[l]!)
  for (; r < right.length; r++) merged.push(right[r]!)
  return merged
}
