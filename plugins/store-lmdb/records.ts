/**
 * Whether what was read is what the queue has written. A damaged page can decode to anything, and a row without a due time would
 * spoil the index for all others. Only what the store itself goes by is looked at; wrong words harm nobody but their message.
 */
import type { QueuedMessage, QueueRow } from 'posthouse/api'

export type Envelope = Omit<QueuedMessage, 'rows'>

/** A row at rest; `lease` names the lease it is under. */
export type RowRecord = Omit<QueueRow, 'leased'> & {
  readonly lease?: string
  /** Minute of receipt, for the census. */
  readonly since?: number
}

export interface Lease {
  readonly id: string
  readonly rows: readonly number[]
  readonly until: number
  /** These were all rows of the message: with them it is done, and nobody has to look for others. */
  readonly whole?: true
}

type Loose<T> = { readonly [K in keyof T]?: unknown }

export function isEnvelope(found: unknown, id: string): found is Envelope {
  if (!isMap<Envelope>(found)) return false
  const { bodyId, bodySize, received, cuts, sender, origin } = found
  const facts = found.id === id && isText(bodyId) && isNumber(bodySize) && isNumber(received) && isMap(origin)
  return facts && Array.isArray(cuts) && (sender === null || isAddress(sender))
}

export function isRow(found: unknown, number: number): found is RowRecord {
  if (!isMap<RowRecord>(found)) return false
  const { row, to, original, target, lane, prefix, due, expires, priority, tries, dsn, detail } = found
  return (
    row === number &&
    [target, lane, prefix].every(isText) &&
    [due, expires, priority, tries].every(isNumber) &&
    [found.hold, found.lease].every(text => text === undefined || isText(text)) &&
    isAddress(to) &&
    isAddress(original) &&
    isMap<{ notify: unknown }>(dsn) &&
    Array.isArray(dsn.notify) &&
    isMap(detail)
  )
}

export function isLease(found: unknown): found is Lease {
  if (!isMap<Lease>(found)) return false
  return isText(found.id) && isNumber(found.until) && Array.isArray(found.rows) && found.rows.every(Number.isInteger)
}

/** A key of so many parts, of these types. */
export function isKey(found: unknown, ...types: readonly ('string' | 'number')[]): boolean {
  return (
    Array.isArray(found) &&
    found.length === types.length &&
    types.every((type, at) => typeof found[at] === type && !Number.isNaN(found[at]))
  )
}

function isAddress(found: unknown): boolean {
  return isMap<{ local: unknown; domain: unknown }>(found) && isText(found.local) && isText(found.domain)
}

function isMap<T>(found: unknown): found is Loose<T> {
  return typeof found === 'object' && found !== null && !Array.isArray(found)
}

function isText(found: unknown): found is string {
  return typeof found === 'string'
}

function isNumber(found: unknown): found is number {
  return typeof found === 'number' && Number.isFinite(found)
}
