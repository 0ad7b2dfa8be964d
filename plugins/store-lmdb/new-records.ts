/**
 * Records of a message that comes in, made field by field and without what is not there, as msgpack would keep it: to copy an object and leave
 * something out of the copy takes a hundred times as long (10 µs, where the whole acceptance takes 70; docs/decisions/0048).
 */
import type { NewMessage, NewRow, QueueRow } from 'posthouse/api'
import type { Envelope, RowRecord } from './records.js'

type OptionalOf<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T]

const OF_MESSAGE = namesOf<OptionalOf<NewMessage>>({
  ret: true,
  envid: true,
  requireTls: true,
  deliverBy: true,
  holdUntil: true,
  holdAsked: true,
  priority: true,
})
const OF_NEW_ROW = namesOf<OptionalOf<NewRow>>({
  sender: true,
  onward: true,
  onwardHold: true,
  hold: true,
  quarantine: true,
})
const OF_ROW = namesOf<OptionalOf<QueueRow>>({
  sender: true,
  onward: true,
  onwardHold: true,
  hold: true,
  quarantine: true,
  last: true,
  wait: true,
  warned: true,
  verdict: true,
})

export function envelopeOf(message: NewMessage, body: { readonly id: string; readonly size: number }): Envelope {
  const { id, cuts, sender, utf8, bodyType, received, origin } = message
  const envelope = { id, cuts, sender, utf8, bodyType, received, origin, bodyId: body.id, bodySize: body.size }
  addWhatIsThere(envelope, message, OF_MESSAGE)
  return envelope
}

/** A row before its lease is known. */
export type NewRecord = Omit<RowRecord, 'lease'> & { readonly since: number; lease?: string }

export function newRecord(given: NewRow, since: number): NewRecord {
  const { row, to, original, dsn, target, lane, detail, prefix, due, expires, priority } = given
  const record = { row, to, original, dsn, target, lane, detail, prefix, due, expires, priority, tries: 0, since }
  addWhatIsThere(record, given, OF_NEW_ROW)
  return record
}

/** As who has the lease gets it. */
export function leasedRow(record: RowRecord): QueueRow {
  const { row, to, original, dsn, target, lane, detail, prefix, due, expires, priority, tries } = record
  const leased = { row, to, original, dsn, target, lane, detail, prefix, due, expires, priority, tries, leased: true }
  addWhatIsThere(leased, record, OF_ROW)
  return leased
}

function addWhatIsThere(to: object, from: object, names: readonly string[]): void {
  const [made, given] = [to as Record<string, unknown>, from as Record<string, unknown>]
  for (const name of names) {
    const value = given[name]
    if (value !== undefined) made[name] = value
  }
}

/** All of them: who adds a property adds it here. */
function namesOf<K extends string>(names: Readonly<Record<K, true>>): readonly K[] {
  return Object.keys(names) as K[]
}
