/**
 * A page of a roll: up to a thousand messages in typed arrays, shared by forks until one of them writes, and as octets for the store. Sets of flags
 * stand once on a page, as most messages have one of a few.
 */

/** A page as octets, by a number that is its own in its mailbox. Later pages have larger ones. */
export interface RollPage {
  readonly number: number
  readonly octets: Buffer
}

/** Messages of a page: what the first change of a fork copies is 14 octets for each. */
export const PAGE_MESSAGES = 1024
const PAGE_HEAD = 8
const LINE_OCTETS = 14
/** Different sets of flags that are remembered for sharing; a client that makes up ever new flags shall not fill the memory. */
const MOST_INTERNED = 5000

const interned = new Map<string, readonly string[]>()

/** Equal sets of flags become one array: a hundred thousand messages have few different ones. */
export function internFlags(flags: readonly string[]): readonly string[] {
  const key = flags.join(' ')
  const known = interned.get(key)
  if (known) return known
  if (interned.size >= MOST_INTERNED) interned.clear()
  interned.set(key, flags)
  return flags
}

export class Page {
  readonly number: number
  size = 0
  /** Somebody else has it too: it does not change any more. */
  shared = false
  /** It lies in the store as it is. */
  kept = false
  sets: (readonly string[])[] = []
  modseqs: Float64Array
  uids: Uint32Array
  /** Which of the sets. */
  flags: Uint16Array

  constructor(number: number, capacity = 16) {
    this.number = number
    this.modseqs = new Float64Array(capacity)
    this.uids = new Uint32Array(capacity)
    this.flags = new Uint16Array(capacity)
  }

  get lastUid(): number {
    return this.uids[this.size - 1] ?? 0
  }

  lowerBound(uid: number): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.uids[middle]! < uid) low = middle + 1
      else high = middle
    }
    return low
  }

  copy(): Page {
    const copy = new Page(this.number, 0)
    copy.size = this.size
    copy.sets = [...this.sets]
    copy.modseqs = this.modseqs.slice()
    copy.uids = this.uids.slice()
    copy.flags = this.flags.slice()
    return copy
  }

  append(uid: number, flags: readonly string[], modseq: number): void {
    if (this.size === this.uids.length) this.#grow()
    this.uids[this.size] = uid
    this.size += 1
    this.set(this.size - 1, flags, modseq)
  }

  set(index: number, flags: readonly string[], modseq: number): void {
    this.kept = false
    this.flags[index] = this.#setOf(flags)
    this.modseqs[index] = modseq
  }

  /** This page if none of [from, to) of the UIDs is on it. */
  without(uids: readonly number[], from: number, to: number): Page {
    const left = new Page(this.number, this.size)
    for (let index = 0, next = from; index < this.size; index++) {
      const uid = this.uids[index]!
      while (next < to && uids[next]! < uid) next++
      if (next < to && uids[next] === uid) continue
      left.append(uid, this.sets[this.flags[index]!]!, this.modseqs[index]!)
    }
    return left.size === this.size ? this : left
  }

  #grow(): void {
    const capacity = Math.min(PAGE_MESSAGES, Math.max(16, 2 * this.size))
    const [modseqs, uids, flags] = [new Float64Array(capacity), new Uint32Array(capacity), new Uint16Array(capacity)]
    modseqs.set(this.modseqs)
    uids.set(this.uids)
    flags.set(this.flags)
    Object.assign(this, { modseqs, uids, flags })
  }

  #setOf(flags: readonly string[]): number {
    const known = internFlags(flags)
    const at = this.sets.indexOf(known)
    if (at >= 0) return at
    // Sets that no message has any more go, so that there are never many more than messages.
    if (this.sets.length >= 2 * PAGE_MESSAGES) this.#forgetSets()
    return this.sets.push(known) - 1
  }

  #forgetSets(): void {
    Object.assign(this, this.#usedSets())
  }

  #usedSets(): Pick<Page, 'sets' | 'flags'> {
    const used = new Map<number, number>()
    const sets: (readonly string[])[] = []
    const flags = this.flags.slice()
    for (let index = 0; index < this.size; index++) {
      const old = flags[index]!
      if (!used.has(old)) used.set(old, sets.push(this.sets[old]!) - 1)
      flags[index] = used.get(old)!
    }
    return { sets, flags }
  }

  // ── octets: lengths, MODSEQs, UIDs, numbers of sets, the sets ──

  write(): Buffer {
    const used = this.#usedSets()
    const sets = Buffer.from(JSON.stringify(used.sets))
    const octets = Buffer.alloc(PAGE_HEAD + this.size * LINE_OCTETS + sets.length)
    octets.writeUInt32LE(this.size, 0)
    octets.writeUInt32LE(sets.length, 4)
    let at = PAGE_HEAD
    for (const part of [this.modseqs, this.uids, used.flags]) {
      const bytes = this.size * part.BYTES_PER_ELEMENT
      octets.set(new Uint8Array(part.buffer, part.byteOffset, bytes), at)
      at += bytes
    }
    octets.set(sets, at)
    return octets
  }

  static read(number: number, octets: Buffer): Page | undefined {
    if (octets.length < PAGE_HEAD) return undefined
    const [size, setBytes] = [octets.readUInt32LE(0), octets.readUInt32LE(4)]
    const end = PAGE_HEAD + size * LINE_OCTETS
    if (size > PAGE_MESSAGES || octets.length !== end + setBytes) return undefined
    const page = new Page(number, 0)
    // Copied, and so where typed arrays can begin.
    const { buffer } = new Uint8Array(octets.subarray(PAGE_HEAD, end))
    page.size = size
    page.kept = true
    page.modseqs = new Float64Array(buffer, 0, size)
    page.uids = new Uint32Array(buffer, 8 * size, size)
    page.flags = new Uint16Array(buffer, 12 * size, size)
    const sets = setsOf(octets.toString('utf8', end))
    if (sets === undefined) return undefined
    page.sets = sets
    return page.#isWhole() ? page : undefined
  }

  #isWhole(): boolean {
    let last = 0
    for (let index = 0; index < this.size; index++) {
      if (this.uids[index]! <= last || this.flags[index]! >= this.sets.length) return false
      last = this.uids[index]!
    }
    return true
  }
}

let lastText = ''
let lastSets: readonly (readonly string[])[] = []

/** Most pages have the sets of the one before. `undefined`: those of a damaged page. */
function setsOf(text: string): (readonly string[])[] | undefined {
  if (text !== lastText) {
    const sets = readSets(text)
    if (sets === undefined) return undefined
    lastSets = sets.map(internFlags)
    lastText = text
  }
  return [...lastSets]
}

function readSets(text: string): string[][] | undefined {
  try {
    const sets: unknown = JSON.parse(text)
    const isSet = (set: unknown) => Array.isArray(set) && set.every(flag => typeof flag === 'string')
    return Array.isArray(sets) && sets.every(isSet) ? sets : undefined
  } catch {
    return undefined
  }
}
