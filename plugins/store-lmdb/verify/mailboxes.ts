/**
 * Whether mailboxes are what their messages say: counters (of which quotas are made), UIDNEXT, MODSEQ and history. Entries are ordered by mailbox, so one pass
 * over them and one over the history tell of all mailboxes, each when it is over.
 */
import type { Database } from 'lmdb'
import type { Box, Boxes } from '../boxes.js'
import type { Environment } from '../environment.js'
import { under } from '../keys.js'
import type { Fault, Seen } from './fault.js'
import type { Moment } from './moment.js'

type EntryRecord = readonly unknown[]
export type EntryKey = [boxId: string, uid: number]
type HistoryKey = [boxId: string, modseq: number, uid: number]

const COUNTED = ['messages', 'unseen', 'deleted', 'bytes'] as const
const CHANGED = 0

type Sums = Record<(typeof COUNTED)[number], number>

/** Of an entry, in the order it is kept. */
interface EntryFacts {
  readonly size: number
  readonly flags: readonly string[]
  readonly modseq: number
}

function entryFacts(record: EntryRecord): EntryFacts | undefined {
  const [bodyId, , , , size, , flags, modseq] = record
  const sound =
    typeof bodyId === 'string' && typeof size === 'number' && Array.isArray(flags) && typeof modseq === 'number'
  return sound ? { size, flags, modseq } : undefined
}

export class MailboxLook {
  readonly #boxes: Boxes
  readonly #entries: Database<EntryRecord, EntryKey>
  readonly #history: Database<number, HistoryKey>
  readonly #known: ReadonlyMap<string, Box>
  readonly #seen: Seen

  constructor(env: Environment, boxes: Boxes, known: ReadonlyMap<string, Box>, seen: Seen) {
    this.#boxes = boxes
    this.#entries = env.database('entries')
    this.#history = env.database('history')
    this.#known = known
    this.#seen = seen
  }

  /** `refer` hears of the body of every message, also of mailboxes that are gone, as far as it can be read. */
  async *faults(moment: Moment, refer: (bodyId: unknown) => void): AsyncGenerator<Fault> {
    const left = new Set(this.#known.keys())
    let tally: Tally | undefined
    for await (const slice of moment.all(this.#entries)) {
      for (const { key, value } of slice) {
        if (tally?.boxId !== key[0]) {
          if (tally !== undefined) yield* this.#finish(tally, moment, left)
          tally = new Tally(key[0])
        }
        const facts = entryFacts(value)
        tally.add(key[1], facts)
        if (facts === undefined) yield this.#unreadable(key)
        refer(Array.isArray(value) ? value[0] : undefined)
      }
    }
    if (tally !== undefined) yield* this.#finish(tally, moment, left)
    for (const boxId of left) yield* this.#finish(new Tally(boxId), moment, new Set([boxId]))
  }

  #unreadable([boxId, uid]: EntryKey): Fault {
    const box = this.#known.get(boxId)
    return { kind: 'lost', where: placeOf(box, boxId), what: `message ${uid} cannot be read` }
  }

  *#finish(tally: Tally, moment: Moment, left: Set<string>): Generator<Fault> {
    const box = this.#known.get(tally.boxId)
    // One that is gone is cleared step by step.
    if (box === undefined || !left.delete(box.id)) return
    this.#seen.messages += tally.sums.messages
    this.#seen.bytes += tally.sums.bytes
    if (!tally.unreadable) yield* this.#counts(box, tally)
    if (tally.last >= box.uidNext) yield this.#uidNext(box, tally.last)
    if (tally.modseq > box.modseq) yield this.#modseq(box, tally.modseq)
    if (!tally.unreadable) yield* this.#ofHistory(box, tally, moment)
  }

  *#counts(box: Box, { sums }: Tally): Generator<Fault> {
    const wrong = COUNTED.filter(name => box[name] !== sums[name])
    if (wrong.length === 0) return
    const said = wrong.map(name => `${name} ${box[name]} where there are ${sums[name]}`)
    const mend = () =>
      this.#change(box.id, now => {
        for (const name of wrong) now[name] += sums[name] - box[name]
      })
    yield { kind: 'counts', where: placeOf(box), what: said.join(', '), mend }
  }

  #uidNext(box: Box, last: number): Fault {
    const mend = () =>
      this.#change(box.id, now => {
        now.uidNext = Math.max(now.uidNext, last + 1)
      })
    return {
      kind: 'uids',
      where: placeOf(box),
      what: `UIDNEXT is ${box.uidNext}, and there is a message ${last}`,
      mend,
    }
  }

  #modseq(box: Box, modseq: number): Fault {
    const mend = () =>
      this.#change(box.id, now => {
        now.modseq = Math.max(now.modseq, modseq)
      })
    return { kind: 'history', where: placeOf(box), what: `MODSEQ is ${box.modseq}, and a message has ${modseq}`, mend }
  }

  /** Every message stands in it once, under its MODSEQ. */
  *#ofHistory(box: Box, { modseqs }: Tally, moment: Moment): Generator<Fault> {
    let [matching, wrong] = [0, 0]
    for (const { key, value } of moment.now(this.#history, under(box.id))) {
      if (value !== CHANGED) continue
      if (modseqs.get(key[2]) === key[1]) matching++
      else wrong++
    }
    const missing = modseqs.size - matching
    if (missing === 0 && wrong === 0) return
    const what = `${missing} messages are missing in the history of changes, and ${wrong} are wrong there`
    yield { kind: 'history', where: placeOf(box), what, mend: () => this.#rewrite(box.id) }
  }

  /** Inside a write, of what is there then. */
  #rewrite(boxId: string): void {
    const box = this.#boxes.find(boxId)
    if (box === undefined) return
    const entries = this.#boxes.entries(boxId, 1, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER)
    const changed = [...this.#history.getRange(under(boxId))].filter(({ value }) => value === CHANGED)
    for (const { key } of changed) this.#history.remove(key)
    for (const { uid, modseq } of entries) this.#history.put([boxId, modseq, uid], CHANGED)
  }

  #change(boxId: string, change: (box: Box) => void): void {
    const box = this.#boxes.find(boxId)
    if (box === undefined) return
    change(box)
    this.#boxes.put(box)
  }
}

class Tally {
  readonly boxId: string
  readonly sums: Sums = { messages: 0, unseen: 0, deleted: 0, bytes: 0 }
  readonly modseqs = new Map<number, number>()
  last = 0
  modseq = 0
  /** One of its messages is: then nobody knows what counts and history should say. */
  unreadable = false

  constructor(boxId: string) {
    this.boxId = boxId
  }

  add(uid: number, facts: EntryFacts | undefined): void {
    this.last = uid
    if (facts === undefined) {
      this.unreadable = true
      return
    }
    const { size, flags, modseq } = facts
    this.sums.messages++
    this.sums.bytes += size
    if (!flags.includes('\\Seen')) this.sums.unseen++
    if (flags.includes('\\Deleted')) this.sums.deleted++
    this.modseqs.set(uid, modseq)
    this.modseq = Math.max(this.modseq, modseq)
  }
}

export function placeOf(box: Box | undefined, boxId = ''): string {
  return box === undefined ? `mailbox ${boxId}` : `${box.accountId}/${box.name}`
}
