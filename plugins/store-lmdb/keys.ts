/**
 * Keys of the store. They are arrays in lmdb-js's ordered encoding: numbers sort as numbers, an array sorts by its elements, so that a
 * range over the first elements is a range scan. LMDB takes keys up to 1,978 octets: whatever comes from outside is bounded here first.
 */
import { createHash } from 'node:crypto'
import { MailError } from 'posthouse/api'

const MAX_PART_BYTES = 200

export interface KeyRange {
  readonly start: Key
  readonly end: Key
}

export type Key = string | (string | number | Buffer)[]

/** Sorts after every number and every string. */
export const AFTER_ALL = Buffer.from([255])

/** All keys that begin with these elements. */
export function under(...elements: (string | number)[]): KeyRange {
  return { start: elements, end: [...elements, AFTER_ALL] }
}

/** Whether a queue id can stand in a key: none that cannot is ever given. */
export function isQueueId(id: string): boolean {
  return fitsKey(id)
}

export function checkQueueId(id: string): string {
  if (!fitsKey(id)) throw new MailError('internal', `queue id ${JSON.stringify(id.slice(0, 100))} is not possible`)
  return id
}

/** A lane, or its digest when it is too long or odd for a key. A `#` cannot open a target's name, so both kinds stay apart. */
export function laneKey(target: string, lane: string): string {
  return digested(`${target}/${lane}`)
}

/** Why a row is held, or the digest of it. */
export function holdKey(hold: string): string {
  return digested(hold)
}

/** Higher priorities first (−9 … 9, RFC 6710), and within each what was never tried before what was: 0 … 37. */
export function rankOf(priority: number, tries: number): number {
  return 2 * (9 - Math.max(-9, Math.min(9, Math.round(priority)))) + (tries > 0 ? 1 : 0)
}

/** Whether rows of this rank have been tried. */
export function isTriedRank(rank: number): boolean {
  return rank % 2 === 1
}

function digested(text: string): string {
  return fitsKey(text) && !text.startsWith('#') ? text : `#${createHash('sha256').update(text).digest('base64url')}`
}

/** lmdb-js ends strings in keys with a zero octet, so they cannot hold one. */
function fitsKey(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= MAX_PART_BYTES && !/[\p{Cc}\p{Surrogate}]/u.test(text)
}
