/**
 * This client's picture of the selected mailbox, and the only place that knows sequence numbers. What happened in the store is taken in
 * at any time (`absorb`), but the picture changes only when the client is told (`tell`): until then a removed message keeps its number
 * and a new one has none (RFC 3501 §7.4.1, §5.2). Pure: no store, no connection.
 */
import type { Changes, MailEntry } from 'posthouse/api'
import { hasFlag, SYSTEM_FLAGS, sameFlags } from './wire/flags.js'
import { largestNumber, lowerBound, type NumberSet, pick, resolveSet } from './wire/set.js'

/** What an untagged response will say. */
export type Update =
  | { readonly kind: 'expunge'; readonly sequence: number }
  | { readonly kind: 'exists'; readonly count: number }
  | { readonly kind: 'recent'; readonly count: number }
  /** The mailbox has keywords the client has not heard of. */
  | { readonly kind: 'keywords'; readonly flags: readonly string[] }
  | { readonly kind: 'flags'; readonly sequence: number; readonly uid: number; readonly flags: readonly string[] }

type Known = Pick<MailEntry, 'uid' | 'flags'>

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
  /** Flags the client has not been told yet. */
  private readonly untold = new Set<number>()
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
    for (const entry of entries) {
      this.uids.push(entry.uid)
      this.flags.push(this.intern(entry.flags))
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

  /** Last known flags, told or not. */
  flagsOf(uid: number): readonly string[] | undefined {
    return this.flags[this.indexOf(uid)]
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
      if (sameFlags(this.flags[index]!, entry.flags)) return
      this.flags[index] = this.intern(entry.flags)
      this.untold.add(entry.uid)
      return
    }
    // UIDs only grow (RFC 3501 §2.3.1.1): anything else we do not know has been told as expunged.
    if (entry.uid <= this.lastUid) return
    const at = this.arrived.findLastIndex(known => known.uid <= entry.uid)
    const known = { uid: entry.uid, flags: this.intern(entry.flags) }
    if (this.arrived[at]?.uid === entry.uid) this.arrived[at] = known
    else this.arrived.splice(at + 1, 0, known)
  }

  /** The client has just been told these flags, or knows them because it asked for the change. */
  told(uid: number, flags: readonly string[]): void {
    const index = this.indexOf(uid)
    if (index < 0) return
    this.flags[index] = this.intern(flags)
    this.untold.delete(uid)
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
  tell(may: { readonly expunge: boolean }): Update[] {
    const updates: Update[] = []
    if (may.expunge) updates.push(...this.tellGone())
    if (this.arrived.length > 0) updates.push(...this.tellArrived())
    const keywords = this.newKeywords()
    if (keywords) updates.push(keywords)
    for (const uid of [...this.untold].sort((a, b) => a - b)) {
      const index = this.indexOf(uid)
      if (index < 0 || this.gone.has(uid)) continue
      updates.push({ kind: 'flags', sequence: index + 1, uid, flags: this.written(uid, this.flags[index]!) })
    }
    this.untold.clear()
    return updates
  }

  private tellArrived(): Update[] {
    const uids = this.arrived.map(entry => entry.uid)
    this.uids = this.uids.concat(uids)
    this.flags = this.flags.concat(this.arrived.map(entry => entry.flags))
    this.arrived = []
    const exists = { kind: 'exists', count: this.count } as const
    // RFC 3501 §7.3.2: told when the number changes.
    return uids.some(uid => this.recent.has(uid)) ? [exists, { kind: 'recent', count: this.recent.size }] : [exists]
  }

  private tellGone(): Update[] {
    if (this.gone.size === 0) return []
    const updates: Update[] = []
    for (let index = this.uids.length - 1; index >= 0; index--) {
      if (this.gone.has(this.uids[index]!)) updates.push({ kind: 'expunge', sequence: index + 1 })
    }
    const keep = this.uids.map(uid => !this.gone.has(uid))
    this.uids = this.uids.filter((_, index) => keep[index])
    this.flags = this.flags.filter((_, index) => keep[index])
    for (const uid of this.gone) this.recent.delete(uid)
    this.gone.clear()
    return updates
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
