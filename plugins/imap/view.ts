/**
 * This client's picture of the selected mailbox, and the only place that knows sequence numbers. What happened in the store is taken in
 * at any time (`absorb`), but the picture changes only when the client is told (`tell`): until then a removed message keeps its number
 * and a new one has none (RFC 3501 §7.4.1, §5.2). Pure: no store, no connection.
 */
import { type Changes, internFlags, type Roll, type RollLine } from 'posthouse/api'
import { hasFlag, SYSTEM_FLAGS, sameFlags } from './wire/flags.js'
import { inRanges, largestNumber, type NumberSet, type Ranges, resolveSet } from './wire/set.js'

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

export type Known = RollLine

export interface Telling {
  readonly expunge: boolean
  /** The client follows MODSEQs: it hears of one that moved though the flags are the same again. */
  readonly modseq: boolean
}

/** More keywords than this are not listed in FLAGS; they work all the same. */
const MOST_KEYWORDS = 200

export class View {
  /** HIGHESTMODSEQ of what was taken in. */
  modseq: number
  /** The messages told to the client, with what was taken in last of each; the place is the sequence number less one. */
  private readonly roll: Roll
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
  /** The flags looked through last for keywords. */
  private learned: readonly string[] = []

  /** The roll is the view's from now on. */
  constructor(roll: Roll) {
    this.modseq = roll.modseq
    this.told_ = roll.modseq
    this.roll = roll
    for (const flags of roll.flagSets()) this.learn(flags)
    this.keywordsTold = this.keywords.size
  }

  /** EXISTS, as the client knows it. */
  get count(): number {
    return this.roll.count
  }

  get lastUid(): number {
    return this.roll.lastUid
  }

  /** Of the message with this sequence number less one. */
  uidAt(index: number): number {
    return this.roll.uidAt(index)
  }

  /** Of the places [from, to), which count from 0. */
  uidsAt(from: number, to: number): number[] {
    return this.roll.uids(from, to)
  }

  /** How many messages have UIDs up to this one. */
  countUpTo(uid: number): number {
    return this.roll.lowerBound(uid + 1)
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
    return this.roll.uids().concat(this.arrived.map(({ uid }) => uid))
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
    for (let index = this.roll.lowerBound(first); index < this.count; index++) this.recent.add(this.roll.uidAt(index))
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

  /** Of the message with this sequence number less one. */
  flagsAt(index: number): readonly string[] {
    return this.roll.flagsAt(index)
  }

  modseqAt(index: number): number {
    return this.roll.modseqAt(index)
  }

  /** Last known flags, told or not. */
  flagsOf(uid: number): readonly string[] | undefined {
    const index = this.indexOf(uid)
    return index < 0 ? undefined : this.roll.flagsAt(index)
  }

  modseqOf(uid: number): number | undefined {
    const index = this.indexOf(uid)
    return index < 0 ? undefined : this.roll.modseqAt(index)
  }

  /** Of those the client knows, the ones in the ranges that changed after `since`, ascending. */
  changedSince(since: number, ranges: Ranges): number[] {
    const changed: number[] = []
    for (let index = 0; index < this.count; index++) {
      if (this.roll.modseqAt(index) <= since) continue
      const uid = this.roll.uidAt(index)
      if (inRanges(ranges, uid)) changed.push(uid)
    }
    return changed
  }

  /** UIDs of the ranges that belong to no message, told or not; as ranges. */
  absent(ranges: Ranges): Ranges {
    const absent: (readonly [number, number])[] = []
    for (const [from, to] of ranges) {
      let next = from
      const passOver = (uid: number) => {
        if (uid > next) absent.push([next, uid - 1])
        next = uid + 1
      }
      for (let index = this.roll.lowerBound(from); index < this.count && this.roll.uidAt(index) <= to; index++)
        passOver(this.roll.uidAt(index))
      for (const { uid } of this.arrived) if (uid >= from && uid <= to) passOver(uid)
      if (next <= to) absent.push([next, to])
    }
    return absent
  }

  /** The last of these places the client is right about, as a UID: it knows what was removed before (RFC 7162 §3.2.5.2). */
  lastMatch(pairs: Iterable<readonly [sequence: number, uid: number]>): number {
    let last = 0
    for (const [sequence, uid] of pairs) {
      if (sequence <= this.count && this.roll.uidAt(sequence - 1) === uid) last = Math.max(last, uid)
    }
    return last
  }

  /** Messages that carry the flag and are still there, ascending. */
  withFlag(flag: string): number[] {
    const carry: number[] = []
    for (const index of this.roll.where(flags => hasFlag(flags, flag))) {
      const uid = this.roll.uidAt(index)
      if (!this.gone.has(uid)) carry.push(uid)
    }
    for (const { uid, flags } of this.arrived) if (hasFlag(flags, flag)) carry.push(uid)
    return carry
  }

  /** First message without \Seen, for SELECT. */
  firstUnseen(): number | undefined {
    for (const index of this.roll.where(flags => !hasFlag(flags, '\\Seen'))) return index + 1
    return undefined
  }

  /** UIDs a uid-set names; numbers that do not exist are passed over (RFC 3501 §6.4.8). */
  byUid(set: NumberSet): number[] {
    if (this.count === 0) return []
    return this.pick(
      resolveSet(set, this.lastUid).map(([from, to]) => [this.roll.lowerBound(from), this.roll.lowerBound(to + 1)]),
    )
  }

  /**
   * UIDs a set of sequence numbers names, or the number that is too large (RFC 3501 §9 seq-number: BAD).
   * `1:*` on an empty mailbox is what every script sends, so it names nothing there.
   */
  bySequence(set: NumberSet): number[] | { readonly tooLarge: number } {
    const largest = largestNumber(set)
    if (this.count === 0 && set.some(range => range.includes('*'))) return []
    if (largest > this.count) return { tooLarge: largest }
    return this.pick(resolveSet(set, this.count).map(([from, to]) => [from - 1, to]))
  }

  /** UIDs of the places [from, to). */
  private pick(places: Ranges): number[] {
    const uids: number[] = []
    for (const [from, to] of places) for (let index = from; index < to; index++) uids.push(this.roll.uidAt(index))
    return uids
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
    this.learn(entry.flags)
    const known = { uid: entry.uid, flags: internFlags(entry.flags), modseq: entry.modseq }
    if (this.arrived[at]?.uid === entry.uid) this.arrived[at] = known
    else this.arrived.splice(at + 1, 0, known)
  }

  private absorbFlags(index: number, entry: Known): void {
    const { uid, flags } = entry
    const before = this.roll.flagsAt(index)
    if (!this.moveOn(index, entry) || sameFlags(before, flags)) return
    this.untold.add(uid)
  }

  /** False: what was read before the last change is old news. */
  private moveOn(index: number, { uid, flags, modseq }: Known): boolean {
    const before = this.roll.modseqAt(index)
    if (modseq < before) return false
    if (modseq > before) this.moved.add(uid)
    const known = this.roll.flagsAt(index)
    if (known === flags && modseq === before) return true
    if (modseq > before || known !== internFlags(flags)) this.roll.put({ uid, flags, modseq })
    this.learn(flags)
    return true
  }

  /** The client has just been told these flags, or knows them because it asked for the change; with `modseq` that too. */
  told(entry: Known, withModseq: boolean): void {
    const { uid } = entry
    const index = this.indexOf(uid)
    if (index < 0 || !this.moveOn(index, entry)) return
    this.untold.delete(uid)
    if (withModseq) this.moved.delete(uid)
  }

  /** The client has just been told what is known here of this message. */
  toldAsKnown(uid: number, withModseq: boolean): void {
    if (this.untold.size > 0) this.untold.delete(uid)
    if (withModseq && this.moved.size > 0) this.moved.delete(uid)
  }

  /** What a reader of FLAGS must hear first when there are new keywords. */
  newKeywords(): Update | undefined {
    if (this.keywords.size === this.keywordsTold) return undefined
    this.keywordsTold = this.keywords.size
    return { kind: 'keywords', flags: this.knownFlags }
  }

  /** Makes keywords known before messages that carry them are told of. */
  learn(flags: readonly string[]): void {
    if (this.learned === flags) return
    this.learned = flags
    for (const flag of flags) {
      if (flag.startsWith('\\')) continue
      const lower = flag.toLowerCase()
      if (!this.keywords.has(lower) && this.keywords.size < MOST_KEYWORDS) this.keywords.set(lower, flag)
    }
  }

  /**
   * What the client may be told now, in order; the picture is then as told. Expunges come first and from the end, so that every
   * number is right when it is read. Nothing is taken in until the last was told.
   */
  *tell(may: Telling): Generator<Update> {
    if (may.expunge) yield* this.tellGone()
    if (this.arrived.length > 0) yield* this.tellArrived()
    const keywords = this.newKeywords()
    if (keywords) yield keywords
    const told = may.modseq ? new Set([...this.untold, ...this.moved]) : this.untold
    for (const uid of Float64Array.from(told).sort()) {
      const index = this.indexOf(uid)
      if (index < 0 || this.gone.has(uid)) continue
      const message = { uid, flags: this.written(uid, this.roll.flagsAt(index)), modseq: this.roll.modseqAt(index) }
      yield { kind: 'flags', sequence: index + 1, message }
    }
    this.untold.clear()
    this.moved.clear()
    this.told_ = Math.max(this.told_, this.gone.size > 0 ? this.goneSince : this.modseq)
  }

  private tellArrived(): Update[] {
    const uids = this.arrived.map(entry => entry.uid)
    for (const entry of this.arrived) this.roll.put(entry)
    this.arrived = []
    const exists = { kind: 'exists', count: this.count } as const
    // RFC 3501 §7.3.2: told when the number changes.
    return uids.some(uid => this.recent.has(uid)) ? [exists, { kind: 'recent', count: this.recent.size }] : [exists]
  }

  private tellGone(): Update[] {
    if (this.gone.size === 0) return []
    const uids = [...this.gone].sort((a, b) => a - b)
    const sequences = uids.map(uid => this.indexOf(uid) + 1).reverse()
    this.roll.remove(uids)
    for (const uid of uids) this.recent.delete(uid)
    this.gone.clear()
    return [{ kind: 'expunge', sequences, uids }]
  }

  private indexOf(uid: number): number {
    return this.roll.indexOf(uid)
  }
}
