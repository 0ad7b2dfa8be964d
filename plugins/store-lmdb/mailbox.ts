/**
 * One mailbox in a session's hands. It keeps no copy of anything: every call looks at the store as it is now, so that changes of other
 * processes are seen. Long lists are read, and long changes made, in slices: other work comes between.
 */
import {
  type BroughtMail,
  type Changes,
  checkUniqueIds,
  type FlagChange,
  type Mailbox,
  type MailboxInfo,
  type MailboxSnapshot,
  type MailEntry,
  MailError,
  type MailIndex,
  type NewMail,
  type RollLine,
  withoutUniqueId,
} from 'posthouse/api'
import { changeFlags, newId, normaliseFlags, sumSegments } from 'posthouse/text'
import { ascending, type Box, type Boxes, type NewEntry, toInfo } from './boxes.js'
import type { HalfDone } from './copies.js'
import type { MailParts } from './mailboxes.js'

type Pair = readonly [from: number, to: number]

const READ_STEP = 5_000
const WRITE_STEP = 1_000

export class LmdbMailbox implements Mailbox {
  readonly accountId: string
  readonly id: string
  readonly index: MailIndex
  readonly #parts: MailParts
  readonly #boxes: Boxes
  readonly #now: () => number

  constructor(parts: MailParts, box: Box, now: () => number) {
    this.accountId = box.accountId
    this.id = box.id
    this.#parts = parts
    this.#boxes = parts.boxes
    this.#now = now
    this.index = parts.indexes.of(box.id)
  }

  async info(): Promise<MailboxInfo> {
    const box = this.#look()
    return toInfo(box, this.#parts.directory.isSubscribed(this.accountId, box.name))
  }

  async snapshot(): Promise<MailboxSnapshot> {
    const { box, roll } = await this.#parts.rolls.of(this.accountId, this.id)
    return { info: toInfo(box, this.#parts.directory.isSubscribed(this.accountId, box.name)), roll }
  }

  async list(from = 1, to = Number.POSITIVE_INFINITY): Promise<readonly MailEntry[]> {
    const found: MailEntry[] = []
    for (let next = Math.max(1, from); next <= to; ) {
      this.#look()
      const slice = this.#boxes.entries(this.id, next, to, READ_STEP)
      for (const entry of slice) found.push(entry)
      if (slice.length < READ_STEP) break
      next = slice.at(-1)!.uid + 1
      await new Promise(setImmediate)
    }
    return found
  }

  async get(uids: readonly number[]): Promise<readonly MailEntry[]> {
    const found: MailEntry[] = []
    for (const slice of slices(uids, READ_STEP)) {
      if (found.length > 0) await new Promise(setImmediate)
      this.#look()
      for (const entry of this.#entries(slice)) found.push(entry)
    }
    return found
  }

  async read(entry: MailEntry, from = 0, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
    this.#look()
    return this.#octets(entry, Math.max(0, from), to)
  }

  async readAll(entries: readonly MailEntry[]): Promise<readonly (Buffer | undefined)[]> {
    this.#look()
    return entries.map(entry => {
      try {
        return this.#octets(entry, 0, Number.POSITIVE_INFINITY)
      } catch (error) {
        if (error instanceof MailError && error.errorCode === 'message-gone') return undefined
        throw error
      }
    })
  }

  #octets(entry: MailEntry, from: number, to: number): Buffer {
    const prefix = Buffer.from(entry.prefix)
    const parts = { prefixBytes: prefix.length, bodySize: entry.bodySize, cuts: entry.cuts }
    const segments = sumSegments(parts, from, to)
    // A message that is gone has no empty range either.
    if (segments.length === 0) this.#parts.bodies.need(entry.bodyId)
    const pieces = segments.map(({ from, start, end }) =>
      from === 'prefix' ? prefix.subarray(start, end) : this.#parts.bodies.range(entry.bodyId, start, end),
    )
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  }

  async append(mails: readonly NewMail[]): Promise<readonly number[]> {
    const uids = await this.#change(box => this.#append(box, mails))
    this.#parts.news.arrived([this.id])
    return uids
  }

  async bring(mails: readonly BroughtMail[], uidNext = 1): Promise<readonly number[]> {
    checkUniqueIds(mails)
    const before = (await this.info()).uidNext
    const uids = await this.#change(box => this.#bring(box, mails, uidNext))
    if (uids.some(uid => uid >= before)) this.#parts.news.arrived([this.id])
    return uids
  }

  async brought(sources: readonly string[]): Promise<readonly (number | undefined)[]> {
    this.#look()
    return sources.map(source => this.#parts.sources.uidOf(this.id, source))
  }

  async flag(uids: readonly number[], change: FlagChange, unchangedSince = Number.POSITIVE_INFINITY) {
    const entries: MailEntry[] = []
    const refused: number[] = []
    for (const slice of slices(uids, WRITE_STEP)) {
      const found = await this.#change(box => this.#flag(box, slice, change, unchangedSince))
      for (const entry of found) {
        if (typeof entry === 'number') refused.push(entry)
        else entries.push(entry)
      }
    }
    return { entries, refused }
  }

  async expunge(uids: readonly number[]): Promise<readonly number[]> {
    const gone: number[] = []
    for (const slice of slices(uids, WRITE_STEP)) {
      for (const uid of await this.#change(box => this.#expunge(box, this.#entries(slice)))) gone.push(uid)
    }
    return gone
  }

  async copy(uids: readonly number[], to: string): Promise<readonly Pair[]> {
    const pairs: Pair[] = []
    const steps = slices(uids, WRITE_STEP)
    const copy = this.#parts.copies.begin(this.accountId, to)
    try {
      for (const [at, slice] of steps.entries()) {
        const made = await this.#change(box => {
          const made = this.#copy(box, this.#entries(slice).map(withoutUniqueId), to)
          if (steps.length > 1) copy.step(newUids(made), at === steps.length - 1)
          return made
        })
        copy.added(newUids(made))
        for (const pair of made) pairs.push(pair)
      }
    } catch (error) {
      // What cannot be taken out now is taken out later: why the copy failed is what the client hears.
      if (pairs.length > 0) await copy.undo(half => takeOut(this.#parts, half, this.#now)).catch(() => undefined)
      throw error
    } finally {
      copy.end()
    }
    this.#parts.news.tell([to])
    this.#parts.news.arrived([to])
    return pairs
  }

  async move(uids: readonly number[], to: string): Promise<readonly Pair[]> {
    const pairs: Pair[] = []
    try {
      for (const slice of slices(uids, WRITE_STEP)) {
        const moved = await this.#change(box => {
          const entries = this.#entries(slice)
          const pairs = this.#copy(box, entries, to)
          this.#expunge(box, entries)
          return pairs
        })
        for (const pair of moved) pairs.push(pair)
      }
      return pairs
    } finally {
      // Also when it breaks off: what was moved until then is there.
      this.#parts.news.tell([to])
      this.#parts.news.arrived([to])
    }
  }

  async replace(uid: number, mail: NewMail, to: string): Promise<number> {
    const made = await this.#change(box => {
      const target = to === box.id ? box : this.#boxes.need(this.accountId, to)
      const entries = this.#entries([uid])
      if (entries.length === 0) throw new MailError('message-gone', `no message ${uid} to be replaced`)
      const [made] = this.#append(target, [mail])
      if (target !== box) this.#boxes.put(target)
      this.#expunge(box, entries)
      return made!
    })
    this.#parts.news.tell([to])
    this.#parts.news.arrived([to])
    return made
  }

  async changes(since: number): Promise<Changes> {
    this.#parts.env.refresh()
    const happened = this.#boxes.since(this.id, since)
    // Every change raises the MODSEQ.
    const none = this.#boxes.find(this.id)?.modseq === since
    while (!none && this.#boxes.readOn(this.id, happened, READ_STEP)) await this.#turn()
    const box = this.#boxes.find(this.id)
    if (box === undefined) return { modseq: since, uidNext: 1, changed: [], vanished: [], complete: true, gone: true }
    const changed = ascending(happened.changed)
    // What changes while others have their turn has a higher MODSEQ and comes again.
    const lines: RollLine[] = []
    for (let at = 0; at < changed.length; at += READ_STEP) {
      if (at > 0) await this.#turn()
      for (const line of this.#boxes.lines(this.id, changed.slice(at, at + READ_STEP))) lines.push(line)
    }
    const complete = this.#boxes.remembers(box, since)
    const vanished = ascending(happened.vanished)
    return { modseq: box.modseq, uidNext: box.uidNext, changed: lines, vanished, complete, gone: false }
  }

  async vanished(since: number): Promise<Pick<Changes, 'vanished' | 'complete'>> {
    this.#parts.env.refresh()
    const happened = this.#boxes.since(this.id, since)
    while (this.#boxes.readOn(this.id, happened, READ_STEP)) await this.#turn()
    const box = this.#boxes.need(this.accountId, this.id)
    return { vanished: ascending(happened.vanished), complete: this.#boxes.remembers(box, since) }
  }

  watch(listener: () => void): () => void {
    return this.#parts.news.watch(this.id, listener)
  }

  async digests<T>(
    entries: readonly MailEntry[],
    read: (digest: Buffer, entry: MailEntry) => T,
  ): Promise<(T | undefined)[]> {
    this.#look()
    return this.#parts.digests.read(entries, read)
  }

  async keepDigests(
    digests: readonly (readonly [entry: MailEntry, digest: Buffer])[],
    stays: (there: Buffer, digest: Buffer) => boolean = () => false,
  ): Promise<void> {
    if (digests.length === 0) return
    await this.#parts.env.write(() => {
      for (const [entry, digest] of digests) this.#parts.digests.keep(entry, digest, stays)
    })
  }

  // ── inside a write ──

  #append(box: Box, mails: readonly NewMail[]): number[] {
    if (mails.length > 0) box.modseq++
    return mails.map(mail => this.#boxes.add(box, this.#entryOf(mail)))
  }

  #entryOf({ body, flags, date }: NewMail): NewEntry {
    const { id, size } = this.#parts.bodies.adopt(body, 1)
    const about = { emailId: newId(Date.now()), flags: normaliseFlags(flags), date, saved: this.#now() }
    return { bodyId: id, bodySize: size, cuts: [], prefix: '', size, ...about }
  }

  #bring(box: Box, mails: readonly BroughtMail[], uidNext: number): number[] {
    const { sources } = this.#parts
    const before = box.uidNext
    let raised = false
    let theirs = box.foreignNext === before
    const uids = mails.map(mail => {
      const known = sources.uidOf(box.id, mail.source)
      if (known !== undefined) return known
      if (!raised) box.modseq++
      raised = true
      box.uidNext = Math.max(box.uidNext, mail.uid ?? 1)
      const entry = this.#entryOf(mail)
      const { uniqueId } = mail
      const uid = this.#boxes.add(box, uniqueId === undefined ? entry : { ...entry, uniqueId })
      sources.put(box.id, mail.source, uid)
      theirs &&= uid === mail.uid
      return uid
    })
    box.uidNext = Math.max(box.uidNext, uidNext)
    if (box.uidNext === before) return uids
    if (box.foreignNext !== undefined) box.foreignNext = theirs ? box.uidNext : 0
    this.#boxes.put(box)
    return uids
  }

  #flag(box: Box, uids: readonly number[], change: FlagChange, unchangedSince: number): (MailEntry | number)[] {
    let raised = false
    return this.#entries(uids).map(entry => {
      if (entry.modseq > unchangedSince) return entry.uid
      const flags = changeFlags(entry.flags, change)
      if (flags === entry.flags) return entry
      if (!raised) box.modseq++
      raised = true
      return this.#boxes.change(box, entry, flags)
    })
  }

  #expunge(box: Box, entries: readonly MailEntry[]): number[] {
    if (entries.length > 0) box.modseq++
    const uids = entries.map(entry => {
      this.#boxes.remove(box, entry)
      if (this.#parts.bodies.unrefer(entry.bodyId)) this.#parts.digests.remove(entry.bodyId)
      return entry.uid
    })
    this.#boxes.forget(box)
    return uids
  }

  #copy(box: Box, entries: readonly MailEntry[], to: string): Pair[] {
    const target = to === box.id ? box : this.#boxes.need(this.accountId, to)
    if (entries.length > 0) target.modseq++
    const pairs = entries.map(entry => {
      this.#parts.bodies.refer(entry.bodyId)
      return [entry.uid, this.#boxes.add(target, { ...entry, saved: this.#now() })] as const
    })
    if (target !== box) this.#boxes.put(target)
    return pairs
  }

  /** A change of this mailbox, in one write; those who watch are told if its MODSEQ moved. */
  async #change<T>(change: (box: Box) => T): Promise<T> {
    const { moved, result } = await this.#parts.env.write(() => {
      const box = this.#boxes.need(this.accountId, this.id)
      const before = box.modseq
      const result = change(box)
      const moved = box.modseq !== before
      if (moved) this.#boxes.put(box)
      return { moved, result }
    })
    if (moved) this.#parts.news.tell([this.id])
    return result
  }

  /** Others have theirs; then the store is seen as it is now. */
  async #turn(): Promise<void> {
    await new Promise(setImmediate)
    this.#parts.env.refresh()
  }

  #look(): Box {
    this.#parts.env.refresh()
    return this.#boxes.need(this.accountId, this.id)
  }

  /** Those that exist. */
  #entries(uids: readonly number[]): MailEntry[] {
    return this.#boxes.some(this.id, uids)
  }
}

function newUids(pairs: readonly Pair[]): number[] {
  return pairs.map(([, uid]) => uid)
}

/** Of a copy that was left half done. */
export async function takeOut(
  parts: MailParts,
  { accountId, boxId, added }: HalfDone,
  now: () => number,
): Promise<void> {
  const box = parts.boxes.find(boxId)
  if (box?.accountId !== accountId) return
  const mailbox = new LmdbMailbox(parts, box, now)
  const uids = added.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, at) => from + at))
  await mailbox.expunge(uids)
}

/** Ascending, each once, so many at a time. One empty slice for none: the mailbox must still be there. */
function slices(uids: readonly number[], step: number): (readonly number[])[] {
  const all = ascending(uids)
  const count = Math.max(1, Math.ceil(all.length / step))
  return Array.from({ length: count }, (_, at) => all.slice(at * step, (at + 1) * step))
}
