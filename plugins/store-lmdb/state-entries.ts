/**
 * What the state keeps: entries that expire, an index of them by family and expiry, and the sum of their sizes. A full state takes from
 * its largest family what expires there first, so whoever floods it with keys crowds out only keys of their like. Everything here runs
 * inside a write, except reading.
 */
import { createHash } from 'node:crypto'
import type { Database } from 'lmdb'
import { byKey, costOf, familyOf } from 'posthouse/text'
import type { Environment } from './environment.js'

/** `v` was put or counted, `b` is a budget. */
export type Tag = 'v' | 'b'

export interface Entry {
  readonly tag: Tag
  readonly key: string
  readonly value: string
  readonly expires: number
}

export interface Sum {
  readonly entries: number
  readonly octets: number
}

/** The key, in UTF-16, stands in the value where it is not all in the stored key. */
type Value = readonly [expires: number, value: string, key?: Buffer]

/** Longer keys are cut here and end in a digest. */
const PLAIN_BYTES = 400
/** In no UTF-8 text: what is cut never meets what is whole. */
const CUT_MARK = Buffer.from([255])
const AFTER = Buffer.from([255, 255])
const NONE = Buffer.alloc(0)
/** UTF-8 has no octets for it. */
const LONE_SURROGATE = /\p{Surrogate}/u
const INDEXED = Buffer.from([1])
const SUM = '*'
const NOTHING: Sum = { entries: 0, octets: 0 }
/** At most so many are removed by one write, and so many before the largest family is looked for anew. */
const EVICT_MOST = 100
const EVICT_STEP = 25

export class StateEntries {
  readonly #values: Database<Value, Buffer>
  readonly #expiry: Database<Buffer, Buffer>
  /** By family, and `*` for all. */
  readonly #sums: Database<Sum, string>
  readonly #most: number
  /** `most` octets, as `costOf` counts them. */
  constructor(env: Environment, most: number) {
    this.#values = env.byOctets('values')
    this.#expiry = env.octetsByOctets('expiry')
    this.#sums = env.database('sums')
    this.#most = most
  }

  live(tag: Tag, key: string, now: number): string | undefined {
    const [expires, value] = this.#values.get(storedKey(tag, key)) ?? [0, undefined]
    return expires > now ? value : undefined
  }

  keep(tag: Tag, key: string, value: string, expires: number): void {
    const stored = storedKey(tag, key)
    const before = this.#values.get(stored)
    const family = familyOf(key)
    if (before === undefined || before[0] !== expires) {
      if (before !== undefined) this.#expiry.remove(indexKey(family, before[0], stored))
      this.#expiry.put(indexKey(family, expires, stored), INDEXED)
    }
    this.#values.put(stored, isPlain(stored) ? [expires, value] : [expires, value, Buffer.from(key, 'utf16le')])
    const cost = costOf(key, value)
    const grown = cost - (before === undefined ? 0 : costOf(key, before[1]))
    this.#count(family, before === undefined ? 1 : 0, grown)
    if (grown > 0) this.#makeRoom(stored, family, cost)
  }

  /** Whether it was there. */
  remove(tag: Tag, key: string): boolean {
    return this.#removeStored(storedKey(tag, key))
  }

  /** In the order of their keys. */
  list(tag: Tag, prefix: string, now: number, most: number): Entry[] {
    const entries: Entry[] = []
    for (const { key: stored, value } of this.#values.getRange(rangeOf(tag, prefix))) {
      if (entries.length >= most) break
      const key = keyOf(stored, value)
      if (value[0] > now && key.startsWith(prefix)) entries.push({ tag, key, value: value[1], expires: value[0] })
    }
    return entries.sort(byKey)
  }

  sum(): Sum {
    return this.#sums.get(SUM) ?? NOTHING
  }

  families(): readonly (Sum & { readonly family: string })[] {
    return [...this.#sums.getRange({})]
      .filter(({ key }) => key !== SUM)
      .map(({ key, value }) => ({ family: key, ...value }))
  }

  /** Removes at most `most` that have expired; resolves to how many. */
  removeExpired(now: number, most: number): number {
    let gone = 0
    for (const { family } of this.families()) {
      const range = { start: indexKey(family, 0, NONE), end: indexKey(family, now + 1, NONE) }
      const expired = [...this.#expiry.getKeys({ ...range, limit: most - gone })]
      for (const key of expired) this.#removeIndexed(family, key)
      gone += expired.length
      if (gone >= most) break
    }
    return gone
  }

  #removeStored(stored: Buffer): boolean {
    const value = this.#values.get(stored)
    if (value === undefined) return false
    const key = keyOf(stored, value)
    const family = familyOf(key)
    this.#values.remove(stored)
    this.#expiry.remove(indexKey(family, value[0], stored))
    this.#count(family, -1, -costOf(key, value[1]))
    return true
  }

  #removeIndexed(family: string, indexKey: Buffer): void {
    this.#expiry.remove(indexKey)
    this.#removeStored(storedOf(family, indexKey))
  }

  #count(family: string, entries: number, octets: number): void {
    if (entries === 0 && octets === 0) return
    for (const name of [family, SUM]) {
      const before = this.#sums.get(name) ?? NOTHING
      const after = { entries: before.entries + entries, octets: before.octets + octets }
      if (after.entries > 0) this.#sums.put(name, after)
      else this.#sums.remove(name)
    }
  }

  /** Never takes what has just been written, or a full state would learn nothing new: the family it is in is as large as the rest of it. */
  #makeRoom(justWritten: Buffer, family: string, octets: number): void {
    let left = EVICT_MOST
    while (left > 0 && this.sum().octets > this.#most) {
      const others = this.families().map(one => (one.family === family ? { ...one, octets: one.octets - octets } : one))
      const largest = others.reduce((most, one) => (one.octets > most.octets ? one : most))
      if (largest.octets <= 0) return
      left -= this.#evict(largest.family, justWritten, Math.min(left, EVICT_STEP))
    }
  }

  /** What expires first, until there is room; resolves to how many went. */
  #evict(family: string, spared: Buffer, most: number): number {
    const range = { start: indexKey(family, 0, NONE), end: Buffer.concat([indexHead(family), AFTER]) }
    const first = [...this.#expiry.getKeys({ ...range, limit: most + 1 })]
    let gone = 0
    for (const key of first) {
      if (gone === most || this.sum().octets <= this.#most) break
      if (storedOf(family, key).equals(spared)) continue
      this.#removeIndexed(family, key)
      gone++
    }
    return gone
  }
}

function storedKey(tag: Tag, key: string): Buffer {
  const plain = Buffer.from(tag + key)
  if (plain.length <= PLAIN_BYTES && !LONE_SURROGATE.test(key)) return plain
  const digest = createHash('sha256').update(key, 'utf16le').digest()
  return Buffer.concat([plain.subarray(0, PLAIN_BYTES), CUT_MARK, digest])
}

function isPlain(stored: Buffer): boolean {
  return stored.at(-33) !== 255
}

function keyOf(stored: Buffer, [, , key]: Value): string {
  return key?.toString('utf16le') ?? stored.toString('utf8', 1)
}

function rangeOf(tag: Tag, prefix: string): { readonly start: Buffer; readonly end: Buffer } {
  const cut = Buffer.from(tag + prefix.split(LONE_SURROGATE, 1)[0]!).subarray(0, PLAIN_BYTES)
  return { start: cut, end: Buffer.concat([cut, AFTER]) }
}

function indexHead(family: string): Buffer {
  return Buffer.from(`${family}\0`)
}

/** Whole milliseconds of an unsigned 48-bit number: until the year 10889. */
function indexKey(family: string, expires: number, stored: Buffer): Buffer {
  const at = Buffer.alloc(6)
  at.writeUIntBE(Math.max(0, Math.min(2 ** 48 - 1, Math.floor(expires) || 0)), 0, 6)
  return Buffer.concat([indexHead(family), at, stored])
}

function storedOf(family: string, indexKey: Buffer): Buffer {
  return indexKey.subarray(indexHead(family).length + 6)
}
