/**
 * This client's picture of the selected mailbox, and the only place that knows sequence numbers. What happened in the store is taken in
 * at any time (`absorb`), but the picture changes only when the client is told (`tell`): until then a removed message keeps its number
 * and a new one has none (RFC 3501 §7.4.1, §5.2). Pure: no store, no connection.
 */
import type { Changes, MailEntry } from 'posthouse/api'
import { hasFlag, SYSTEM_FLAGS, sameFlags } from './wire/flags.js'
import { inRanges, largestNumber, lowerBound, type NumberSet, pick, type Ranges, resolveSet } from './wire/set.js'

/** What an untagged response will say. */
export type Update =
  /** From the end, so that every number is right when it is read; the same messages by UID, ascending. */
  | { readonly kind: 'expunge'; readonly sequences: readonly number[]; readonly uids: readonly number[] }
  | { readonly kind: 'exists'; readonly count: number }
  | { readonly kind: 'recent'; readonly count: number }
  /** The mailbox has keywords the client has not heard of. */
  | { readonly kind: 'keywords'; readonly flags: readonly string[] }
  | { readonly kind: 'flags'; readonly sequence: number; readonly message: Told }

/** What is told of a message whose flags change. */
export interface Told {
  readonly uid: number
  readonly flags: readonly string[]
  readonly modseq: number
}

export type Known = Pick<MailEntry, 'uid' | 'flags' | 'modseq'>

export interface Telling {
  readonly expunge: boolean
  /** The client follows MODSEQs: it hears of one that moved though the flags are the same again. */
  readonly modseq: boolean
}

/** More keywords than this are not listed in FLAGS; they work all the same. */
const MOST_KEYWORDS = 200
/** Different sets of flags that are remembered for sharing. */
const MOST_INTERNED = 5000

export class View {
  /** HIGHESTMODSEQ of what was taken in. */
  modseq: number
  /** Told to the client, ascending; the index is the sequence number less one. */
  private uids: number[] = []
  private flags: (readonly string[])[] = []
  private modseqs: number[] = []
  /** Flags the client has not been told yet. */
  private readonly untold = new Set<number>()
  /** The same flags under another MODSEQ. */
  private readonly moved = new Set<number>()
  /** All that happened up to here has been told. */
  private told_: number
  /** … and all but removals up to here, while some must wait. */
  private goneSince = 0
  /** Removed, and not told yet. */
  private readonly gone = new Set<number>()
  /** New, and not told yet; ascending. */
  private arrived: Known[] = []
  /** Those this session was the first to be told of. */
  private readonly recent = new Set<number>()
  private readonly keywords = new Map<string, string>()
  private keywordsTold = 0
  /** Equal sets of flags share one array: a mailbox of 100,000 messages has few different ones. */
  private readonly interned = new Map<string, readonly string[]>()

  constructor(entries: readonly Known[], modseq: number) {
    this.modseq = modseq
    this.told_ = modseq
    for (const entry of entries) {
      this.uids.push(entry.uid)
      this.flags.push(this.intern(entry.flags))
      this.modseqs.push(entry.modseq)
    }
    this.keywordsTold = this.keywords.size
  }

  /** EXISTS, as the client knows it. */
  get count(): number {
    return this.uids.length
  }

  get lastUid(): number {
    return this.uids.at(-1) ?? 0
  }

  get allUids(): readonly number[] {
    return this.uids
  }

  /**
   * HIGHESTMODSEQ a client may keep: it has heard everything up to it. Less than the MODSEQs it has seen while removals wait
   * (RFC 7162 §3.2): kept by a client whose connection breaks, those would hide them for ever.
   */
  get safeModseq(): number {
    return this.told_
  }

  has(uid: number): boolean {
    return this.indexOf(uid) >= 0
  }

  /** Told or not. */
  get everyUid(): readonly number[] {
    return [...this.uids, ...this.arrived.map(({ uid }) => uid)]
  }

  /** The highest UID taken in, told or not. */
  get newestUid(): number {
    return this.arrived.at(-1)?.uid ?? this.lastUid
  }

  get recentCount(): number {
    return this.recent.size
  }

  isRecent(uid: number): boolean {
    return this.recent.has(uid)
  }

  /** Messages from this UID on are ours as recent. */
  markRecent(first: number): void {
    for (let index = lowerBound(this.uids, first); index < this.uids.length; index++) this.recent.add(this.uids[index]!)
    for (const { uid } of this.arrived) if (uid >= first) this.recent.add(uid)
  }

  /** The flags as they are told: with \Recent, which is no flag of the message but of this session. */
  written(uid: number, flags: readonly string[]): readonly string[] {
    return this.recent.has(uid) ? ['\\Recent', ...flags] : flags
  }

  /** System flags and the keywords in use. */
  get knownFlags(): readonly string[] {
    return [...SYSTEM_FLAGS, ...this.keywords.values()]
  }

  sequenceOf(uid: number): number | undefined {
    const index = this.indexOf(uid)
    return index < 0 ? undefined : index + 1
  }

  /** As it was taken in last, told or not. */
  known(uid: number): Known | undefined {
    const index = this.indexOf(uid)
    return index < 0 ? undefined : { uid, flags: this.flags[index]!, modseq: this.modseqs[index]! }
  }

  /** Last known flags, told or not. */
  flagsOf(uid: number): readonly string[] | undefined {
    return this.flags[this.indexOf(uid)]
  }

  modseqOf(uid: number): number | undefined {
    return this.modseqs[this.indexOf(uid)]
  }

  /** Of those the client knows, the ones in the ranges that changed after `since`, ascending. */
  changedSince(since: number, ranges: Ranges): number[] {
    const changed: number[] = []
    for (const [index, uid] of this.uids.entries()) {
      if (this.modseqs[index]! > since && inRanges(ranges, uid)) changed.push(uid)
    }
    return changed
  }

  /** UIDs of the ranges that belong to no message, told or not; as ranges. */
  absent(ranges: Ranges): Ranges {
    const absent: (readonly [number, number])[] = []
    const there = this.everyUid
    for (const [from, to] of ranges) {
      let next = from
      for (let index = lowerBound(there, from); index < there.length && there[index]! <= to; index++) {
        const uid = there[index]!
        if (uid > next) absent.push([next, uid - 1])
        next = uid + 1
      }
      if (next <= to) absent.push([next, to])
    }
    return absent
  }

  /** The last of these places the client is right about, as a UID: it knows what was removed before (RFC 7162 §3.2.5.2). */
  lastMatch(pairs: Iterable<readonly [sequence: number, uid: number]>): number {
    let last = 0
    for (const [sequence, uid] of pairs) if (this.uids[sequence - 1] === uid) last = Math.max(last, uid)
    return last
  }

  /** Messages that carry the flag and are still there, ascending. */
  withFlag(flag: string): number[] {
    // Few different arrays stand for many messages: each is looked through once.
    const known = new Map<readonly string[], boolean>()
    const carries = (flags: readonly string[]) => {
      const carried = known.get(flags) ?? hasFlag(flags, flag)
      known.set(flags, carried)
      return carried
    }
    const old = this.uids.filter((uid, index) => carries(this.flags[index]!) && !this.gone.has(uid))
    return [...old, ...this.arrived.filter(entry => hasFlag(entry.flags, flag)).map(entry => entry.uid)]
  }

  /** First message without \Seen, for SELECT. */
  firstUnseen(): number | undefined {
    const index = this.flags.findIndex(flags => !hasFlag(flags, '\\Seen'))
    return index < 0 ? undefined : index + 1
  }

  /** UIDs a uid-set names; numbers that do not exist are passed over (RFC 3501 §6.4.8). */
  byUid(set: NumberSet): number[] {
    return this.count === 0 ? [] : pick(this.uids, resolveSet(set, this.lastUid))
  }

  /**
   * UIDs a set of sequence numbers names, or the number that is too large (RFC 3501 §9 seq-number: BAD).
   * `1:*` on an empty mailbox is what every script sends, so it names nothing there.
   */
  bySequence(set: NumberSet): number[] | { readonly tooLarge: number } {
    const largest = largestNumber(set)
    if (this.count === 0 && set.some(range => range.includes('*'))) return []
    if (largest > this.count) return { tooLarge: largest }
    return resolveSet(set, this.count).flatMap(([from, to]) => this.uids.slice(from - 1, to))
  }

  /** Takes in what happened in the store. */
  absorb(changes: Pick<Changes, 'changed' | 'vanished' | 'modseq'>): void {
    for (const entry of changes.changed) this.absorbEntry(entry)
    if (changes.vanished.length > 0) {
      const vanished = new Set(changes.vanished)
      this.arrived = this.arrived.filter(entry => !vanished.has(entry.uid))
      if (this.gone.size === 0) this.goneSince = this.modseq
      for (const uid of vanished) {
        if (this.indexOf(uid) >= 0) this.gone.add(uid)
        else this.recent.delete(uid)
      }
    }
    this.modseq = Math.max(this.modseq, changes.modseq)
  }

  private absorbEntry(entry: Known): void {
    const index = this.indexOf(entry.uid)
    if (index >= 0) {
      this.absorbFlags(index, entry)
      return
    }
    // UIDs only grow (RFC 3501 §2.3.1.1): anything else we do not know has been told as expunged.
    if (entry.uid <= this.lastUid) return
    const at = this.arrived.findLastIndex(known => known.uid <= entry.uid)
    const known = { uid: entry.uid, flags: this.intern(entry.flags), modseq: entry.modseq }
    if (this.arrived[at]?.uid === entry.uid) this.arrived[at] = known
    else this.arrived.splice(at + 1, 0, known)
  }

  private absorbFlags(index: number, { uid, flags, modseq }: Known): void {
    // What was read before the last change is old news.
    if (modseq < this.modseqs[index]!) return
    if (modseq > this.modseqs[index]!) this.moved.add(uid)
    this.modseqs[index] = modseq
    if (sameFlags(this.flags[index]!, flags)) return
    this.flags[index] = this.intern(flags)
    this.untold.add(uid)
  }

  /** The client has just been told these flags, or knows them because it asked for the change; with `modseq` that too. */
  told({ uid, flags, modseq }: Known, withModseq: boolean): void {
    const index = this.indexOf(uid)
    if (index < 0 || modseq < this.modseqs[index]!) return
    if (modseq > this.modseqs[index]!) this.moved.add(uid)
    this.modseqs[index] = modseq
    this.flags[index] = this.intern(flags)
    this.untold.delete(uid)
    if (withModseq) this.moved.delete(uid)
  }

  /** What a reader of FLAGS must hear first when there are new keywords. */
  newKeywords(): Update | undefined {
    if (this.keywords.size === this.keywordsTold) return undefined
    this.keywordsTold = this.keywords.size
    return { kind: 'keywords', flags: this.knownFlags }
  }

  /** Makes keywords known before messages that carry them are told of. */
  learn(flags: readonly string[]): void {
    this.intern(flags)
  }

  /**
   * What the client may be told now, in order; the picture is then as told. Expunges come first and from the end, so that every
   * number is right when it is read.
   */
  tell(may: Telling): Update[] {
    const updates: Update[] = []
    if (may.expunge) updates.push(...this.tellGone())
    if (this.arrived.length > 0) updates.push(...this.tellArrived())
    const keywords = this.newKeywords()
    if (keywords) updates.push(keywords)
    const told = may.modseq ? new Set([...this.untold, ...this.moved]) : this.untold
    for (const uid of [...told].sort((a, b) => a - b)) {
      const index = this.indexOf(uid)
      if (index < 0 || this.gone.has(uid)) continue
      const message = { uid, flags: this.written(uid, this.flags[index]!), modseq: this.modseqs[index]! }
      updates.push({ kind: 'flags', sequence: index + 1, message })
    }
    this.untold.clear()
    this.moved.clear()
    this.told_ = Math.max(this.told_, this.gone.size > 0 ? this.goneSince : this.modseq)
    return updates
  }

  private tellArrived(): Update[] {
    const uids = this.arrived.map(entry => entry.uid)
    this.uids = this.uids.concat(uids)
    this.flags = this.flags.concat(this.arrived.map(entry => entry.flags))
    this.modseqs = this.modseqs.concat(this.arrived.map(entry => entry.modseq))
    this.arrived = []
    const exists = { kind: 'exists', count: this.count } as const
    // RFC 3501 §7.3.2: told when the number changes.
    return uids.some(uid => this.recent.has(uid)) ? [exists, { kind: 'recent', count: this.recent.size }] : [exists]
  }

  private tellGone(): Update[] {
    if (this.gone.size === 0) return []
    const sequences: number[] = []
    for (let index = this.uids.length - 1; index >= 0; index--) {
      if (this.gone.has(this.uids[index]!)) sequences.push(index + 1)
    }
    const uids = [...this.gone].sort((a, b) => a - b)
    const keep = this.uids.map(uid => !this.gone.has(uid))
    this.uids = this.uids.filter((_, index) => keep[index])
    this.flags = this.flags.filter((_, index) => keep[index])
    this.modseqs = this.modseqs.filter((_, index) => keep[index])
    for (const uid of uids) this.recent.delete(uid)
    this.gone.clear()
    return [{ kind: 'expunge', sequences, uids }]
  }

  private indexOf(uid: number): number {
    const index = lowerBound(this.uids, uid)
    return this.uids[index] === uid ? index : -1
  }

  private intern(flags: readonly string[]): readonly string[] {
    const key = flags.join(' ')
    const known = this.interned.get(key)
    if (known) return known
    // A client that makes up ever new flags shall not fill the memory: sharing begins anew.
    if (this.interned.size >= MOST_INTERNED) this.interned.clear()
    this.interned.set(key, flags)
    for (const flag of flags) {
      const lower = flag.toLowerCase()
      if (!flag.startsWith('\\') && !this.keywords.has(lower) && this.keywords.size < MOST_KEYWORDS)
        this.keywords.set(lower, flag)
    }
    return flags
  }
}
