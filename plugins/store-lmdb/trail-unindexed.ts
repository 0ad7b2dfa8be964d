/**
 * Records that are in no index, since a version before there was one has written them: they are read one after the other, and known by what their
 * sentences and facts name. A Message-ID is not among it. In the time that records are kept the last of them goes.
 */
import type { Database } from 'lmdb'
import type { TrailEntry, TrailFound, TrailQuery } from 'posthouse/api'
import { newId } from 'posthouse/text'

export type TrailRecord = Omit<TrailEntry, 'id' | 'by'>
type TrailKey = [id: string, n: number]

const READ_STEP = 1000
const DEFAULT_LIMIT = 100

/** Newest first. `indexed`: since when there is an index; nothing: there is none at all. */
export async function unindexed(
  entries: Database<TrailRecord, TrailKey>,
  query: TrailQuery,
  indexed: number | undefined,
): Promise<readonly TrailFound[]> {
  const { since = 0, until = Number.MAX_SAFE_INTEGER, limit = DEFAULT_LIMIT, messageId } = query
  if (messageId !== undefined || (indexed !== undefined && since >= indexed)) return []
  const found: TrailFound[] = []
  let start: TrailKey | undefined = indexed === undefined ? undefined : [newId(indexed, () => 0), 0]
  let record: { id: string; entries: TrailRecord[] } | undefined
  const done = (): void => {
    // From the last entry to the first.
    const at = record?.entries.at(-1)?.at ?? 0
    if (record !== undefined && at >= since && at <= until && fits(record.entries, query))
      found.push({ id: record.id, at })
    record = undefined
  }
  for (;;) {
    const from = start === undefined ? {} : { start, exclusiveStart: true }
    const step = [...entries.getRange({ ...from, reverse: true, limit: READ_STEP })]
    for (const { key, value } of step) {
      if (key[0] !== record?.id) done()
      if (found.length >= limit) return found
      record ??= { id: key[0], entries: [] }
      record.entries.push(value)
    }
    if (step.length < READ_STEP) break
    start = step.at(-1)!.key
    await new Promise(setImmediate)
  }
  done()
  return found
}

function fits(entries: readonly TrailRecord[], { sender, recipient, address, client }: TrailQuery): boolean {
  const isSender = (one: string) => entries.some(({ facts }) => isAddress(facts.sender, one))
  const isRecipient = (one: string) =>
    entries.some(({ facts, says }) => isAddress(facts.to, one) || names(says, /\bfor (\S+@\S+)/i, one))
  return (
    (sender === undefined || isSender(sender)) &&
    (recipient === undefined || isRecipient(recipient)) &&
    (address === undefined || isSender(address) || isRecipient(address)) &&
    (client === undefined || entries.some(({ says }) => names(says, /\bat (\S+) \(/, client)))
  )
}

function names(says: string, pattern: RegExp, wanted: string): boolean {
  return isAddress(pattern.exec(says)?.[1], wanted)
}

/** `@example.org`: any of that domain. */
function isAddress(value: unknown, wanted: string): boolean {
  if (typeof value !== 'string') return false
  const [have, want] = [value.toLowerCase(), wanted.toLowerCase()]
  return want.startsWith('@') ? have.endsWith(want) : have === want
}
