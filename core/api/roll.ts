/**
 * The roll of a mailbox: which messages it has, by UID, with flags and MODSEQ, and nothing else of them. What opening a mailbox takes, so it is small and
 * quickly read: pages of typed arrays, which the forks of a roll share until one of them writes. Ten sessions that look at a million messages hold
 * them once. Places count from 0; sequence numbers are no matter of it.
 */

/** A line of it. */
export interface RollLine {
  readonly uid: number
  /** Sorted; system flags as `\Seen`. */
  readonly flags: readonly string[]
  readonly modseq: number
}

/** A page as octets, by a number that is its own in its mailbox. Later pages have larger ones. */
export interface RollPage {
  readonly number: number
  readonly octets: Buffer
}

/** Messages of a page: what the first change of a fork copies is 14 octets for each. */
const PAGE_MESSAGES = 1024
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

export class Roll {
  /** All that happened up to here is in it; something newer may be, too, and comes again as a change that changes nothing. */
  modseq: number
  #pages: Page[]
  /** Place of the first message of each page, and behind the last one the number of messages. */
  #starts: number[]
  /** The page looked at last: most questions go from one message to the next. */
  #at = 0
  /** The place behind the message that was found last. */
  #next = 0

  constructor(modseq: number, lines: Iterable<RollLine> = []) {
    this.modseq = modseq
    this.#pages = []
    this.#starts = [0]
    for (const line of lines) this.put(line)
  }

  /** `undefined` when a page is not whole or not in its place. */
  static read(modseq: number, pages: Iterable<RollPage>): Roll | undefined {
    const roll = new Roll(modseq)
    let last = 0
    for (const { number, octets } of pages) {
      const page = Page.read(number, octets)
      if (page === undefined || page.size === 0 || page.uids[0]! <= last) return undefined
      last = page.lastUid
      roll.#pages.push(page)
    }
    roll.#count(0)
    return roll
  }

  /** Another roll that says the same, and goes its own way from now on. */
  fork(): Roll {
    const fork = new Roll(this.modseq)
    for (const page of this.#pages) page.shared = true
    fork.#pages = [...this.#pages]
    fork.#starts = [...this.#starts]
    return fork
  }

  get count(): number {
    return this.#starts.at(-1)!
  }

  get lastUid(): number {
    return this.#pages.at(-1)?.lastUid ?? 0
  }

  /** The place of a UID, or −1. */
  indexOf(uid: number): number {
    const { count } = this
    const next = this.#next
    const index = next < count && this.uidAt(next) === uid ? next : this.lowerBound(uid)
    if (index >= count || this.uidAt(index) !== uid) return -1
    this.#next = index + 1
    return index
  }

  /** The first place whose UID is not below `uid`. */
  lowerBound(uid: number): number {
    if (this.count === 0 || uid > this.lastUid) return this.count
    const at = this.#pageOf(uid)
    return this.#starts[at]! + this.#pages[at]!.lowerBound(uid)
  }

  uidAt(index: number): number {
    return this.#pageAt(index).uids[index - this.#starts[this.#at]!]!
  }

  flagsAt(index: number): readonly string[] {
    const page = this.#pageAt(index)
    return page.sets[page.flags[index - this.#starts[this.#at]!]!]!
  }

  modseqAt(index: number): number {
    return this.#pageAt(index).modseqs[index - this.#starts[this.#at]!]!
  }

  /** UIDs of the places [from, to). */
  uids(from = 0, to = this.count): number[] {
    const end = Math.min(to, this.count)
    const uids: number[] = []
    for (let index = Math.max(0, from); index < end; index++) uids.push(this.uidAt(index))
    return uids
  }

  /** The sets of flags there are; some of them no message may have any more. */
  flagSets(): Set<readonly string[]> {
    const sets = new Set<readonly string[]>()
    for (const page of this.#pages) for (const set of page.sets) sets.add(set)
    return sets
  }

  /** Places of messages with such flags, ascending. `test` is asked for each set of flags, not for each message. */
  *where(test: (flags: readonly string[]) => boolean): Generator<number> {
    const known = new Map<readonly string[], boolean>()
    for (const [at, page] of this.#pages.entries()) {
      const answers = page.sets.map(set => {
        const answer = known.get(set) ?? test(set)
        known.set(set, answer)
        return answer
      })
      if (!answers.includes(true)) continue
      const start = this.#starts[at]!
      for (let index = 0; index < page.size; index++) if (answers[page.flags[index]!]) yield start + index
    }
  }

  /** A new line behind all others, or one that is there as it is now. What is neither is passed over: UIDs only grow. */
  put({ uid, flags, modseq }: RollLine): void {
    const index = this.indexOf(uid)
    if (index >= 0) this.#own(this.#at).set(index - this.#starts[this.#at]!, flags, modseq)
    else if (uid > this.lastUid) this.#append(uid, flags, modseq)
  }

  /** Ascending; those there are not are passed over. */
  remove(uids: readonly number[]): void {
    let first = this.#pages.length
    for (let next = 0; next < uids.length && uids[next]! <= this.lastUid; ) {
      const at = this.#pageOf(uids[next]!)
      const before = next
      const { lastUid } = this.#pages[at]!
      while (next < uids.length && uids[next]! <= lastUid) next++
      this.#pages[at] = this.#pages[at]!.without(uids, before, next)
      first = Math.min(first, at)
    }
    this.#pages = this.#pages.filter(page => page.size > 0)
    this.#count(Math.min(first, this.#pages.length))
  }

  /** Pages as octets: those that were not read in this form, or changed since. */
  *changedPages(): Generator<RollPage> {
    for (const page of this.#pages) if (!page.kept) yield { number: page.number, octets: page.write() }
  }

  get pageNumbers(): readonly number[] {
    return this.#pages.map(page => page.number)
  }

  /** What `changedPages` gave is kept from now on, in the one place that keeps this roll. */
  kept(): void {
    for (const page of this.#pages) page.kept = true
  }

  #append(uid: number, flags: readonly string[], modseq: number): void {
    const last = this.#pages.length - 1
    const full = last < 0 || this.#pages[last]!.size >= PAGE_MESSAGES
    if (full) this.#pages.push(new Page((this.#pages[last]?.number ?? 0) + 1))
    const at = full ? last + 1 : last
    this.#own(at).append(uid, flags, modseq)
    if (full) this.#starts.push(this.count)
    this.#starts[at + 1]! += 1
  }

  #own(at: number): Page {
    const page = this.#pages[at]!
    if (!page.shared) return page
    const own = page.copy()
    this.#pages[at] = own
    return own
  }

  #count(from: number): void {
    this.#at = 0
    this.#starts.length = from + 1
    for (let at = from; at < this.#pages.length; at++) this.#starts.push(this.#starts[at]! + this.#pages[at]!.size)
  }

  #pageAt(index: number): Page {
    const starts = this.#starts
    if (index >= starts[this.#at + 1]! && index < (starts[this.#at + 2] ?? 0)) this.#at += 1
    else if (!(index >= starts[this.#at]! && index < starts[this.#at + 1]!)) this.#at = pageOf(starts, index)
    return this.#pages[this.#at]!
  }

  /** The first page that ends at this UID or behind it; there is one. */
  #pageOf(uid: number): number {
    let low = 0
    let high = this.#pages.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#pages[middle]!.lastUid < uid) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The page a place lies on. */
function pageOf(starts: readonly number[], index: number): number {
  let low = 0
  let high = starts.length - 2
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (starts[middle]! <= index) low = middle
    else high = middle - 1
  }
  return low
}

class Page {
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
