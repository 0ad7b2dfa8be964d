/**
 * Takes out of the way what cannot be read, so that it does not stop the others: the record goes into the database of what is broken, with
 * its reason and its octets, and out of every index and count. Whoever reads notes a suspect and goes on; it is looked at again, and put aside,
 * in a write of its own, or at once by a claim, which cannot go on before.
 */
import type { Database } from 'lmdb'
import type { BrokenRow, Log, Metrics } from 'posthouse/api'
import type { Broken } from './broken.js'
import type { Environment } from './environment.js'
import type { HeldKey } from './held.js'
import { under } from './keys.js'
import { inSlices } from './queue-audit.js'
import type { ReadyKey } from './ready.js'
import { type Envelope, isEnvelope, isLease, isRow, type Lease, type RowRecord } from './records.js'
import type { QueueRows } from './rows.js'

export type Suspect =
  | { readonly kind: 'message'; readonly id: string }
  | { readonly kind: 'row'; readonly id: string; readonly row: number }
  | { readonly kind: 'lease'; readonly token: string }

export interface QuarantineReport {
  readonly log?: Pick<Log, 'warn'> | undefined
  readonly metrics?: Pick<Metrics, 'count'> | undefined
}

type RowKey = [id: string, row: number]

export class Quarantine {
  readonly #env: Environment
  readonly #rows: QueueRows
  readonly #broken: Broken
  readonly #now: () => number
  readonly #report: QuarantineReport
  readonly #suspects = new Map<string, Suspect>()
  readonly #messages: Database<Envelope, string>
  readonly #records: Database<RowRecord, RowKey>
  readonly #leases: Database<Lease, string>
  readonly #mended: Database<number, string>
  #underWay: Promise<void> | undefined

  constructor(env: Environment, rows: QueueRows, broken: Broken, now: () => number, report: QuarantineReport) {
    this.#env = env
    this.#rows = rows
    this.#broken = broken
    this.#now = now
    this.#report = report
    this.#messages = env.database('messages')
    this.#records = env.database('rows')
    this.#leases = env.database('leases')
    this.#mended = env.database('upkeep')
  }

  note(suspect: Suspect): void {
    this.#suspects.set(JSON.stringify(suspect), suspect)
    this.#underWay ??= this.#run().finally(() => {
      this.#underWay = undefined
    })
  }

  /** Resolves when nothing that was noted waits any more. */
  async settled(): Promise<void> {
    await this.#underWay
  }

  /** Inside a write: whatever of it cannot be read is put aside now. */
  putAside(suspects: Iterable<Suspect>): void {
    const rows: RowKey[] = []
    for (const suspect of suspects) {
      if (suspect.kind === 'row') rows.push([suspect.id, suspect.row])
      else if (suspect.kind === 'message') this.#message(suspect.id)
      else this.#lease(suspect.token)
    }
    const damaged = rows.filter(key => this.#records.doesExist(key) && !this.#isSound(key))
    if (damaged.length === 0) return
    const places = this.#placesOf(damaged)
    for (const key of damaged) this.#row(key, 'the row cannot be read', places.get(JSON.stringify(key)))
  }

  /** `mend`, unless any process has done it within `everyMs`: it reads every row. */
  async mendOnceIn(everyMs: number): Promise<void> {
    const due = await this.#env.write(() => {
      const isDue = (this.#mended.get('mended') ?? 0) + everyMs <= this.#now()
      if (isDue) this.#mended.put('mended', this.#now())
      return isDue
    })
    if (due) await this.mend()
  }

  /** Finds rows that nobody would come for, and has them wait as they should; resolves to how many there were. */
  async mend(): Promise<number> {
    let found = 0
    for await (const id of inSlices(this.#env, this.#rows)) {
      if (this.#rows.rowsOf(id).some(row => !this.#rows.isFound(id, row)))
        found += await this.#env.write(() => this.#found([id]))
    }
    if (found > 0)
      this.#tell({ rows: found }, 'nobody would have come for these rows; they wait again', 'adrift', found)
    return found
  }

  async #run(): Promise<void> {
    // What was noted in this turn comes along.
    await new Promise(setImmediate)
    while (this.#suspects.size > 0) {
      const suspects = [...this.#suspects.values()]
      this.#suspects.clear()
      try {
        await this.#env.write(() => this.putAside(suspects))
        if (suspects.some(({ kind }) => kind === 'lease')) await this.mend()
      } catch (error) {
        this.#report.log?.warn(
          { err: error },
          'what cannot be read could not be put aside, trying again when it is met',
        )
      }
    }
  }

  #message(id: string): void {
    if (
      isEnvelope(
        this.#decoded(() => this.#messages.get(id)),
        id,
      )
    )
      return
    const octets = this.#messages.getBinary(id)
    const why = octets === undefined ? 'its message is not there' : 'its message cannot be read'
    const keys = [...this.#records.getKeys(under(id))]
    const damaged = keys.filter(key => !this.#isSound(key))
    const places = damaged.length > 0 ? this.#placesOf(damaged) : undefined
    for (const key of keys) this.#row(key, why, places?.get(JSON.stringify(key)))
    if (octets === undefined) return
    this.#keep('messages', { id, at: this.#now(), why: 'the message cannot be read' }, octets)
    this.#messages.remove(id)
    this.#rows.count({ messages: -1 })
  }

  #row(key: RowKey, why: string, place: ReadyKey | HeldKey | undefined): void {
    const [id, row] = key
    this.#rows.forgetLent(id)
    const record = this.#decoded(() => this.#records.get(key))
    this.#keep('rows', { id, row, at: this.#now(), why }, this.#records.getBinary(key))
    if (isRow(record, row)) {
      this.#rows.remove(id, record)
      this.#rows.count({})
      return
    }
    this.#records.remove(key)
    this.#rows.forget(id, place)
    const envelope = this.#messages.getBinary(id)
    if ([...this.#records.getKeys({ ...under(id), limit: 1 })].length > 0 || envelope === undefined) return
    // The last one: nobody waits any more, but body and envelope stay for whoever mends the row.
    this.#keep('messages', { id, at: this.#now(), why: 'its last row cannot be read' }, envelope)
    this.#messages.remove(id)
    this.#rows.count({ messages: -1 })
  }

  #lease(token: string): void {
    if (isLease(this.#decoded(() => this.#leases.get(token)))) return
    const octets = this.#leases.getBinary(token)
    this.#rows.dropLease(token)
    if (octets === undefined) return
    this.#keep('leases', { id: token, at: this.#now(), why: 'a lease cannot be read; its rows wait again' }, octets)
  }

  /** Inside a write. */
  #found(ids: readonly string[]): number {
    let found = 0
    for (const id of ids) {
      for (const row of this.#rows.rowsOf(id)) {
        if (this.#rows.isFound(id, row)) continue
        this.#rows.reclaim(id, row)
        found += 1
      }
    }
    this.#rows.count({})
    return found
  }

  /** Where rows stand that cannot say so themselves: every key of both indexes is looked at. */
  #placesOf(rows: readonly RowKey[]): ReadonlyMap<string, ReadyKey | HeldKey> {
    const wanted = new Set(rows.map(key => JSON.stringify(key)))
    const places = new Map<string, ReadyKey | HeldKey>()
    for (const index of [this.#rows.ready, this.#rows.held]) {
      for (const key of index.keys()) {
        const name = JSON.stringify([key[3], key[4]])
        if (wanted.has(name)) places.set(name, key)
      }
    }
    return places
  }

  #isSound(key: RowKey): boolean {
    return isRow(
      this.#decoded(() => this.#records.get(key)),
      key[1],
    )
  }

  #decoded(read: () => unknown): unknown {
    try {
      return read()
    } catch {
      // Whatever the decoder makes of damage: it is what we are here for.
      return undefined
    }
  }

  #keep(from: string, what: BrokenRow, octets: Buffer | undefined): void {
    this.#broken.put(from, what, octets)
    const { at: _, ...facts } = what
    this.#tell({ ...facts, from, octets: octets?.length ?? 0 }, 'put aside what cannot be read', 'broken', 1)
  }

  #tell(facts: object, sentence: string, metric: string, by: number): void {
    this.#report.log?.warn(facts, sentence)
    this.#report.metrics?.count(metric, by)
  }
}
