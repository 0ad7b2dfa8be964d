/**
 * Rolls of mailboxes, so that opening one does not read every entry of it. A roll is kept in the store as of some MODSEQ, page by page, and the
 * changes since lead to what is true now. It is written when somebody opens the mailbox and much has changed: those who deliver pay nothing for it.
 * Nothing hangs on it: one that is missing, damaged or too old is made anew from the entries, and so is one that does not add up.
 */
import type { Database } from 'lmdb'
import { type Log, Roll, type RollPage } from 'posthouse/api'
import { ascending, type Box, type Boxes } from './boxes.js'
import { type Environment, firstKey } from './environment.js'
import { under } from './keys.js'

type PageKey = [boxId: string, page: number]

/** As it was last, and on which MODSEQ in the store it stands (0: on none). */
interface Known {
  readonly roll: Roll
  base: number
  /** So many changes ago. */
  behind: number
}

export interface BoxRoll {
  readonly box: Box
  readonly roll: Roll
}

/** Smaller mailboxes are read from their entries: nothing is kept of them. */
const SMALLEST = 500
/** The page that holds the MODSEQ of the others. */
const HEAD = 0
/** Written again after so many changes: reading those takes some milliseconds. */
const MOST_BEHIND = 1000
/** Messages of the rolls that are kept in memory for the next who asks: 14 octets each. */
const MOST_KNOWN = 2_000_000
/** Read before others have their turn. */
const STEP = 5_000

export class Rolls {
  readonly #env: Environment
  readonly #boxes: Boxes
  readonly #log: Pick<Log, 'warn'> | undefined
  readonly #pages: Database<Buffer, PageKey>
  /** The one asked for last is the last. */
  readonly #known = new Map<string, Known>()
  /** The last question about each mailbox: the next one waits for it. */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(env: Environment, boxes: Boxes, log?: Pick<Log, 'warn'>) {
    this.#env = env
    this.#boxes = boxes
    this.#log = log
    this.#pages = env.octets('rolls')
  }

  /** The mailbox and its roll at one moment; the roll is the caller's. Throws `mailbox-gone`. */
  async of(accountId: string, boxId: string): Promise<BoxRoll> {
    const box = this.#look(accountId, boxId)
    if (box.messages < SMALLEST) return { box, roll: this.#small(box) }
    const before = this.#turns.get(boxId) ?? Promise.resolve()
    const turn = before.then(() => this.#next(accountId, boxId))
    const over = turn.catch(() => undefined)
    this.#turns.set(boxId, over)
    try {
      return await turn
    } finally {
      if (this.#turns.get(boxId) === over) this.#turns.delete(boxId)
    }
  }

  /** Inside a write: up to `limit` pages of a mailbox that is gone. Whether nothing is left. */
  purge(boxId: string, limit: number): boolean {
    this.#known.delete(boxId)
    for (const key of [...this.#pages.getKeys({ ...under(boxId), limit })]) this.#pages.remove(key)
    return firstKey(this.#pages, under(boxId)) === undefined
  }

  #look(accountId: string, boxId: string): Box {
    this.#env.refresh()
    return this.#boxes.need(accountId, boxId)
  }

  #small(box: Box): Roll {
    return new Roll(box.modseq, this.#boxes.entries(box.id, 1, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER))
  }

  async #next(accountId: string, boxId: string): Promise<BoxRoll> {
    const found = this.#known.get(boxId) ?? this.#read(boxId)
    this.#known.delete(boxId)
    let known = found ?? (await this.#made(accountId, boxId))
    let box = await this.#catchUp(accountId, boxId, known)
    while (box === undefined || (known === found && known.roll.count !== box.messages)) {
      known = await this.#made(accountId, boxId)
      box = await this.#catchUp(accountId, boxId, known)
    }
    this.#remember(boxId, known)
    const roll = known.roll.fork()
    if (known.behind >= MOST_BEHIND) this.#keep(boxId, known)
    return { box, roll }
  }

  /** From the entries: it lacks nothing that happened up to its MODSEQ. */
  async #made(accountId: string, boxId: string): Promise<Known> {
    const roll = new Roll(this.#look(accountId, boxId).modseq)
    const base = this.#base(boxId)
    for (let from = 1; ; from = roll.lastUid + 1) {
      const entries = this.#boxes.entries(boxId, from, Number.POSITIVE_INFINITY, STEP)
      for (const entry of entries) roll.put(entry)
      if (entries.length < STEP) return { roll, base, behind: MOST_BEHIND }
      await new Promise(setImmediate)
      this.#look(accountId, boxId)
    }
  }

  /** The mailbox the roll is true of now; `undefined` when the store has forgotten what happened since. */
  async #catchUp(accountId: string, boxId: string, known: Known): Promise<Box | undefined> {
    const { roll } = known
    const turn = async () => {
      await new Promise(setImmediate)
      this.#env.refresh()
    }
    for (;;) {
      this.#env.refresh()
      const there = this.#boxes.need(accountId, boxId)
      // Every change raises the MODSEQ.
      if (there.modseq === roll.modseq) return there
      const happened = this.#boxes.since(boxId, roll.modseq)
      while (this.#boxes.readOn(boxId, happened, STEP)) await turn()
      const box = this.#boxes.need(accountId, boxId)
      const [changed, vanished] = [ascending(happened.changed), ascending(happened.vanished)]
      if (!this.#boxes.remembers(box, roll.modseq)) return undefined
      known.behind += changed.length + vanished.length
      for (let at = 0; at < changed.length; at += STEP) {
        if (at > 0) await turn()
        for (const line of this.#boxes.lines(boxId, changed.slice(at, at + STEP))) roll.put(line)
      }
      roll.remove(vanished)
      roll.modseq = box.modseq
      // While others had their turn more may have happened.
      if (changed.length <= STEP) return box
    }
  }

  #remember(boxId: string, known: Known): void {
    this.#known.set(boxId, known)
    let messages = 0
    for (const { roll } of this.#known.values()) messages += roll.count
    for (const [oldest, { roll }] of this.#known) {
      if (messages <= MOST_KNOWN || oldest === boxId) return
      this.#known.delete(oldest)
      messages -= roll.count
    }
  }

  // ── in the store ──

  #read(boxId: string): Known | undefined {
    const base = this.#base(boxId)
    if (base === 0) return undefined
    const roll = Roll.read(base, this.#keptPages(boxId))
    return roll === undefined ? undefined : { roll, base, behind: 0 }
  }

  /** 0: nothing is kept. */
  #base(boxId: string): number {
    const head = this.#pages.get([boxId, HEAD])
    return head?.length === 8 ? head.readDoubleLE() : 0
  }

  *#keptPages(boxId: string): Generator<RollPage> {
    const range = this.#pages.getRange({ start: [boxId, HEAD + 1], end: under(boxId).end })
    for (const { key, value } of range) yield { number: key[1], octets: value }
  }

  /** In the background. Somebody else who was quicker is right, too: theirs is read the next time. */
  #keep(boxId: string, known: Known): void {
    const { roll, base } = known
    const pages = [...roll.changedPages()]
    const numbers = new Set(roll.pageNumbers)
    const { modseq } = roll
    roll.kept()
    known.base = modseq
    known.behind = 0
    this.#env
      .write(
        () =>
          this.#base(boxId) === base &&
          this.#boxes.find(boxId) !== undefined &&
          this.#put(boxId, modseq, pages, numbers),
      )
      .catch((error: unknown) => this.#log?.warn({ err: error }, 'the roll of a mailbox was not kept'))
      .then(kept => {
        if (kept === true) return
        // Somebody may be catching up on it just now: it is never written on top of what others have kept.
        known.base = Number.NaN
        if (this.#known.get(boxId) === known) this.#known.delete(boxId)
      })
  }

  #put(boxId: string, modseq: number, pages: readonly RollPage[], numbers: ReadonlySet<number>): true {
    const head = Buffer.alloc(8)
    head.writeDoubleLE(modseq)
    this.#pages.put([boxId, HEAD], head)
    for (const { number, octets } of pages) this.#pages.put([boxId, number], octets)
    for (const key of [...this.#pages.getKeys({ start: [boxId, HEAD + 1], end: under(boxId).end })])
      if (!numbers.has(key[1])) this.#pages.remove(key)
    return true
  }
}
