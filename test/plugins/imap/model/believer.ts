/**
 * A client that believes what it is told: it makes its picture of a mailbox from untagged responses alone, as RFC 3501 §7 and RFC 7162 §3.2 say,
 * and fails when a response cannot be true or may not be sent. What it holds is compared with the mailbox when nothing happens any more.
 */
import assert from 'node:assert/strict'
import { inRanges, type Ranges } from '../../../../plugins/imap/wire/set.js'

/** A place in the mailbox, as far as the client knows what is there. */
export interface Slot {
  uid?: number
  /** Lower case, sorted, without \Recent. */
  flags?: string
  modseq?: number
}

/** What a client keeps of a mailbox it leaves. */
export interface Kept {
  readonly mailboxId: string
  readonly uidValidity: number
  readonly modseq: number
  readonly slots: ReadonlyMap<number, Slot>
  /** There is no message the client does not know the UID of. */
  readonly whole: boolean
}

/** What the client has asked, as far as it decides what may be answered. */
export interface Asked {
  /** Upper case. */
  readonly name: string
  readonly uid?: boolean
  /** Items of FETCH, options of SELECT. */
  readonly wants?: readonly string[]
}

/** RFC 3501 §7.4.1, RFC 7162 §3.2.10.2 */
const NO_EXPUNGE = new Set(['FETCH', 'STORE', 'SEARCH'])

export class Believer {
  slots: Slot[] = []
  mailboxId = ''
  uidValidity = 0
  readOnly = false
  selected = false
  /** HIGHESTMODSEQ as RFC 7162 §6 has a client keep it. */
  modseq = 0
  aware = false
  qresync = false
  rev2 = false
  /** Told as removed since the mailbox was opened. */
  readonly removed = new Set<number>()
  private keywords = new Set<string>()
  /** Heard since the last tagged answer. */
  private code: number | undefined
  private highest = 0
  /** Coming back: what was kept, until the mailbox is open. */
  private back: Map<number, Slot> | undefined

  /** Before SELECT; with what was kept for `(QRESYNC (…))`. */
  opening(kept?: Kept): void {
    this.leave()
    this.back = kept && new Map(kept.slots)
    this.uidValidity = 0
  }

  leave(): void {
    this.slots = []
    this.selected = false
    this.modseq = 0
    this.mailboxId = ''
    this.keywords.clear()
    this.removed.clear()
    this.back = undefined
  }

  /** When SELECT was OK. `kept` counts only if it is of this mailbox. */
  opened(kept: Kept | undefined): Kept | undefined {
    this.selected = true
    const back = this.back
    this.back = undefined
    if (!back || kept?.uidValidity !== this.uidValidity) return undefined
    assert.equal(kept.mailboxId, this.mailboxId, 'another mailbox has the same UIDVALIDITY')
    return { ...kept, slots: back }
  }

  keep(): Kept {
    const known = this.slots.filter(slot => slot.uid !== undefined)
    return {
      mailboxId: this.mailboxId,
      uidValidity: this.uidValidity,
      modseq: this.modseq,
      slots: new Map(known.map(slot => [slot.uid!, { ...slot }])),
      whole: known.length === this.slots.length,
    }
  }

  /** One untagged response. */
  hear(line: string, asked: Asked): void {
    const [, number, word] = /^\* (\d+) ([A-Z]+)/.exec(line) ?? []
    // RFC 9051 Appendix E, 12
    assert.ok(!this.rev2 || !/ RECENT|\\Recent/.test(line), `told of as recent: ${line}`)
    if (word === 'EXISTS') this.hearExists(Number(number), asked)
    else if (word === 'EXPUNGE') this.hearExpunge(Number(number), asked)
    else if (word === 'FETCH') this.hearFetch(Number(number), line, asked)
    else if (line.startsWith('* VANISHED (EARLIER) ')) this.hearEarlier(rangesIn(line), asked)
    else if (line.startsWith('* VANISHED ')) this.hearVanished(rangesIn(line), asked)
    else if (line.startsWith('* FLAGS (')) this.keywords = new Set(wordsIn(line))
    else if (line.startsWith('* ENABLED')) this.hearEnabled(line)
    else this.hearCode(line)
  }

  /** After the tagged answer, which may have a code too. */
  answered(line: string): void {
    this.hearCode(line)
    // RFC 7162 §6: the code counts even if higher ones were heard.
    if (this.code !== undefined) this.modseq = this.code
    else this.modseq = Math.max(this.modseq, this.highest)
    this.code = undefined
    this.highest = 0
  }

  private hearEnabled(line: string): void {
    if (/ CONDSTORE/.test(line)) this.aware = true
    if (/ IMAP4rev2/.test(line)) this.rev2 = true
    if (/ QRESYNC/.test(line)) this.aware = this.qresync = true
  }

  private hearCode(line: string): void {
    const [, name, value] = /^(?:\* )?(?:OK|NO) \[([A-Z]+) ?([^\]]*)\]/.exec(line) ?? []
    if (name === 'HIGHESTMODSEQ') this.code = Number(value)
    if (name === 'UIDVALIDITY') this.uidValidity = Number(value)
    if (name === 'MAILBOXID' && line.startsWith('*')) this.mailboxId = value!.replace(/[()]/g, '')
    if (name === 'CLOSED') assert.ok(!this.selected, 'CLOSED without a mailbox')
  }

  private hearExists(count: number, { name }: Asked): void {
    assert.ok(count >= this.slots.length, `EXISTS ${count} after ${this.slots.length}`)
    assert.notEqual(name, 'CLOSE')
    while (this.slots.length < count) this.slots.push({})
  }

  private mayExpunge({ name, uid }: Asked): void {
    assert.ok(uid || !NO_EXPUNGE.has(name), `a removal is told during ${name}`)
    assert.ok(!['SELECT', 'EXAMINE', 'CLOSE'].includes(name), `a removal is told during ${name}`)
  }

  private hearExpunge(number: number, asked: Asked): void {
    this.mayExpunge(asked)
    assert.ok(!this.qresync, 'EXPUNGE after ENABLE QRESYNC')
    assert.ok(number >= 1 && number <= this.slots.length, `EXPUNGE ${number} of ${this.slots.length}`)
    this.slots.splice(number - 1, 1)
  }

  private hearVanished(ranges: Ranges, asked: Asked): void {
    this.mayExpunge(asked)
    assert.ok(this.qresync, 'VANISHED without ENABLE QRESYNC')
    for (const [from, to] of ranges) {
      for (let uid = from; uid <= to; uid++) {
        const index = this.placeOf(uid)
        assert.ok(index !== undefined, `VANISHED ${uid}, which the client cannot have`)
        this.slots.splice(index, 1)
        this.removed.add(uid)
      }
    }
  }

  /** Where the UID is, or a place it may have. */
  private placeOf(uid: number): number | undefined {
    const known = this.slots.findIndex(slot => slot.uid === uid)
    if (known >= 0) return known
    const after = this.slots.findIndex(slot => slot.uid !== undefined && slot.uid > uid)
    const last = (after < 0 ? this.slots.length : after) - 1
    if (last < 0 || this.slots[last]!.uid !== undefined) return undefined
    // Which of them it is cannot be known, nor whose flags are whose any more.
    for (let at = last; at >= 0 && this.slots[at]!.uid === undefined; at--) this.slots[at] = {}
    return last
  }

  private hearEarlier(ranges: Ranges, { name, wants }: Asked): void {
    assert.ok(wants?.includes(name === 'FETCH' ? 'VANISHED' : 'QRESYNC'), 'VANISHED (EARLIER) nobody asked for')
    for (const { uid } of this.slots)
      assert.ok(uid === undefined || !inRanges(ranges, uid), `VANISHED (EARLIER) ${uid}, which has a number`)
    for (const uid of this.back?.keys() ?? []) if (inRanges(ranges, uid)) this.back!.delete(uid)
  }

  private hearFetch(number: number, line: string, asked: Asked): void {
    assert.ok(number >= 1 && number <= this.slots.length, `FETCH ${number} of ${this.slots.length}`)
    const slot = this.slots[number - 1]!
    const uid = numberIn(line, /[( ]UID (\d+)/)
    const modseq = numberIn(line, /[( ]MODSEQ \((\d+)\)/)
    const flags = /[( ]FLAGS \(([^)]*)\)/.exec(line)?.[1]
    const wanted = asked.name === 'FETCH' && asked.wants?.includes('FLAGS')
    // RFC 7162 §3.2.4
    if (this.aware && flags !== undefined && !wanted)
      assert.ok(uid && modseq, `a change without UID and MODSEQ: ${line}`)
    if (this.rev2 && flags !== undefined && !wanted) assert.ok(uid, `a change without UID: ${line}`)
    if (uid !== undefined) this.place(slot, number, uid)
    if (flags !== undefined) {
      for (const flag of flags.split(' ').filter(one => one !== '' && !one.startsWith('\\')))
        assert.ok(this.keywords.has(flag.toLowerCase()), `the keyword ${flag} was not told of`)
      slot.flags = flagsOf(flags)
    }
    if (modseq === undefined) return
    assert.ok(slot.modseq === undefined || modseq >= slot.modseq, `MODSEQ went back from ${slot.modseq} to ${modseq}`)
    slot.modseq = modseq
    this.highest = Math.max(this.highest, modseq)
    if (this.back?.has(uid ?? 0)) this.back.set(uid!, { ...slot })
  }

  private place(slot: Slot, number: number, uid: number): void {
    assert.ok(slot.uid === undefined || slot.uid === uid, `${number} is ${uid} and was ${slot.uid}`)
    const before = this.slots.slice(0, number - 1).findLast(one => one.uid !== undefined)?.uid ?? 0
    const after = this.slots.slice(number).find(one => one.uid !== undefined)?.uid ?? Number.POSITIVE_INFINITY
    assert.ok(before < uid && uid < after, `${uid} is not between ${before} and ${after}`)
    slot.uid = uid
  }
}

export function flagsOf(list: string): string {
  const flags = new Set(list.toLowerCase().split(' '))
  return [...flags]
    .filter(flag => flag !== '' && flag !== '\\recent')
    .sort()
    .join(' ')
}

function wordsIn(line: string): string[] {
  return flagsOf(/\(([^)]*)\)/.exec(line)![1]!).split(' ')
}

function numberIn(line: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(line)?.[1]
  return found === undefined ? undefined : Number(found)
}

export function rangesIn(line: string): Ranges {
  const set = line.slice(line.lastIndexOf(' ') + 1)
  return set.split(',').map(range => {
    const [from, to = from] = range.split(':').map(Number) as [number, number?]
    return [from, to!] as const
  })
}
