/**
 * The roll of a mailbox: which messages it has, by UID, with flags and MODSEQ, and nothing else of them. What opening a mailbox takes, so it is small and
 * quickly read: pages of typed arrays, which the forks of a roll share until one of them writes. Ten sessions that look at a million messages hold
 * them once. Places count from 0; sequence numbers are no matter of it.
 */
import { PAGE_MESSAGES, Page, type RollPage } from './roll-page.js'

/** A line of it. */
export interface RollLine {
  readonly uid: number
  /** Sorted; system flags as `\Seen`. */
  readonly flags: readonly string[]
  readonly modseq: number
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
