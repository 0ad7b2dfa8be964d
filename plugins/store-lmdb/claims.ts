/**
 * Which rows a claim gets: what is due, by the order of the index, or the lanes of who comes for held mail. It makes jobs of rows that may go out
 * together and puts them under leases. Everything here belongs inside a write, but for `anyIn`.
 */
import type { Claimed, ClaimOptions } from 'posthouse/api'
import type { HeldKey } from './held.js'
import { DEFAULT_MAX_ROWS, goesWith, jobOf } from './jobs.js'
import { holdKey, isTriedRank, laneKey } from './keys.js'
import type { Quarantine } from './quarantine.js'
import type { HeadKey, ReadyKey } from './ready.js'
import type { Envelope, RowRecord } from './records.js'
import type { QueueRows } from './rows.js'

/** Rows of a lane held for `hold`, and those that are not held. */
export interface HeldClaim {
  readonly lanes: ReadonlySet<string>
  readonly hold: string
}

/** A message with so many rows is not read whole for each of its claims. */
const MANY_ROWS = 500
/** Lanes, and rows of a lane, looked at in one step. */
const STEP = 32

/** A claim under way. */
interface Taking extends ClaimOptions {
  readonly claimed: Claimed[]
  /** How many of them are of rows that have been tried. */
  tried: number
  /** Lanes nothing may be taken from (any more). */
  readonly shut: Set<string>
  /** Jobs by lane. */
  readonly taken: Map<string, number>
}

/** Where to go on in the list of heads. */
interface Place {
  readonly from?: HeadKey
  readonly after?: HeadKey
  /** Of lanes that are named: those that are left, in order, and the one that was given out, which may have more. */
  readonly heads?: HeadKey[]
  readonly used?: HeadKey
}

/** A row that may be claimed, and how to find more of its kind. */
interface Open {
  readonly id: string
  readonly row: number
  /** Numbers of the rows of the same message that come next in the index. */
  near(): number[]
}

export class Claims {
  readonly #rows: QueueRows
  readonly #quarantine: Quarantine

  constructor(rows: QueueRows, quarantine: Quarantine) {
    this.#rows = rows
    this.#quarantine = quarantine
  }

  due(options: ClaimOptions): Claimed[] {
    const { max, leastTried = 0, mostTried = max } = options
    const taking = takingOf(options)
    const mostNew = max - Math.min(max, leastTried, mostTried)
    const isNew = (rank: number) => !isTriedRank(rank)
    this.#take(taking, rank =>
      isNew(rank) ? taking.claimed.length - taking.tried < mostNew : taking.tried < mostTried,
    )
    // What nobody who was tried has come for; where new mail was not held to its share, there is no more of it.
    if (taking.claimed.length - taking.tried >= mostNew) this.#take(taking, isNew)
    return taking.claimed
  }

  /** Whether a claim may find something; without a write. */
  anyDue(options: ClaimOptions): boolean {
    const taking = takingOf(options)
    for (const rank of this.#rows.ready.ranks()) {
      if (isTriedRank(rank) && options.mostTried === 0) continue
      for (let place: Place | undefined = {}; place !== undefined; ) {
        const found = this.#nextHead(taking, rank, place)
        if (found?.head !== undefined) return true
        place = found?.place
      }
    }
    return false
  }

  /** Until there are enough jobs; ranks that are not `meant` (any more) are passed over. */
  #take(taking: Taking, meant: (rank: number) => boolean): void {
    const { max, now, leaseMs, maxRows = DEFAULT_MAX_ROWS, perLane = Number.POSITIVE_INFINITY } = taking
    for (const rank of this.#rows.ready.ranks()) {
      let place: Place = {}
      while (taking.claimed.length < max && meant(rank)) {
        const found = this.#nextHead(taking, rank, place)
        if (found === undefined) break
        const { head } = found
        place = found.place
        if (head === undefined) continue
        const job = this.#claimLane(head, now, now + leaseMs, maxRows)
        if (job === undefined) continue
        taking.claimed.push(job)
        if (isTriedRank(rank)) taking.tried += 1
        const [, , lane] = head
        const count = (taking.taken.get(lane) ?? 0) + 1
        taking.taken.set(lane, count)
        if (count >= perLane) taking.shut.add(lane)
      }
      if (taking.claimed.length >= max) return
    }
  }

  /** A lane to claim from and where to go on, or only that; nothing at the end of the list. */
  #nextHead(taking: Taking, rank: number, place: Place): { head?: HeadKey; place: Place } | undefined {
    const { now, only, shut } = taking
    if (only !== undefined) return this.#nextOf(only, taking, rank, place)
    const lanes = this.#rows.ready.dueLanes(rank, now, STEP, place)
    const head = lanes.find(([, , lane]) => !shut.has(lane))
    // A claim moves its lane further down the list, never up: what has been passed over stays behind us.
    if (head !== undefined) return { head, place: { from: head } }
    return lanes.length < STEP ? undefined : { place: { after: lanes.at(-1)! } }
  }

  /** Each lane that is named is looked at once, and again only when something was taken from it. */
  #nextOf(
    only: ReadonlySet<string>,
    { now, shut }: Taking,
    rank: number,
    { heads: left, used }: Place,
  ): { head: HeadKey; place: Place } | undefined {
    const heads = left ?? [...only].flatMap(path => this.#headOf(laneOfPath(path), rank, now)).sort(byDue)
    if (used !== undefined) for (const head of this.#headOf(used[2], rank, now)) putInOrder(heads, head)
    const at = heads.findIndex(([, , lane]) => !shut.has(lane))
    if (at === -1) return undefined
    const head = heads[at]!
    heads.splice(0, at + 1)
    return { head, place: { heads, used: head } }
  }

  #headOf(lane: string, rank: number, now: number): HeadKey[] {
    const first = this.#rows.ready.first(lane, rank)
    return first === undefined || first[2] > now ? [] : [[rank, first[2], lane]]
  }

  /** Whether there may be something for `held`; without a write, and one step for each lane. */
  anyIn({ lanes, hold }: HeldClaim, now: number): boolean {
    const reason = holdKey(hold)
    return [...lanes].map(laneOfPath).some(lane => {
      return this.#rows.ready.firstDue(lane, now) !== undefined || this.#rows.held.due(lane, reason, now, 1).length > 0
    })
  }

  /** Lane by lane; each costs what is taken from it, however long the queue is. */
  held({ now, leaseMs, max, except, maxRows = DEFAULT_MAX_ROWS }: ClaimOptions, { lanes, hold }: HeldClaim): Claimed[] {
    const claimed: Claimed[] = []
    for (const path of lanes) {
      if (except?.has(path) === true) continue
      for (const open of this.#openIn(laneOfPath(path), hold, now)) {
        const first = this.#rows.row(open.id, open.row)
        const fits = (row: RowRecord) =>
          row.lease === undefined && (row.hold === undefined || row.hold === hold) && row.due <= now
        // Under another lease, or taken along by a job of this claim.
        if (first === undefined || !fits(first)) continue
        if (claimed.length >= max) return claimed
        const envelope = this.#rows.envelope(open.id)
        if (envelope === undefined) continue
        const rows = this.#nearby(open.id, () => open.near()).filter(row => fits(row) && goesWith(envelope, first, row))
        claimed.push(this.#lend(envelope, rows.slice(0, maxRows), now + leaseMs))
      }
    }
    return claimed
  }

  /** Rows that are not held first. */
  *#openIn(lane: string, hold: string, now: number): Iterable<Open> {
    const { ready, held } = this.#rows
    let last: readonly [string, number] | undefined
    for (let key = ready.firstDue(lane, now); key !== undefined; key = ready.firstDue(lane, now)) {
      const [, rank, , id, row] = key
      // What was yielded and not taken would come for ever.
      if (last?.[0] === id && last[1] === row) break
      last = [id, row]
      yield { id, row, near: () => numbersOf(id, ready.due(lane, rank, now, MANY_ROWS)) }
    }
    const reason = holdKey(hold)
    let after: HeldKey | undefined
    for (;;) {
      const keys = held.due(lane, reason, now, STEP, after)
      for (const key of keys) {
        const [, , , id, row] = key
        yield { id, row, near: () => [row, ...numbersOf(id, held.due(lane, reason, now, MANY_ROWS, key))] }
      }
      if (keys.length < STEP) return
      after = keys.at(-1)
    }
  }

  /** Takes the first row of a lane and all that may go with it; nothing when the head was wrong, which it then is no more. */
  #claimLane(head: HeadKey, now: number, until: number, maxRows: number): Claimed | undefined {
    const [rank, , lane] = head
    const key = this.#rows.ready.first(lane, rank)
    if (key === undefined || key[2] !== head[1]) {
      this.#rows.ready.mendHead(head)
      return undefined
    }
    const [, , , id, number] = key
    const envelope = this.#rows.envelope(id)
    const first = this.#rows.row(id, number)
    if (
      envelope === undefined ||
      first === undefined ||
      first.lease !== undefined ||
      first.hold !== undefined ||
      first.due !== key[2]
    ) {
      this.#quarantine.putAside([
        { kind: 'message', id },
        { kind: 'row', id, row: number },
      ])
      if (isSame(this.#rows.ready.first(lane, rank), key)) this.#rows.ready.drop(key)
      return undefined
    }
    const rows = this.#nearby(id, () => numbersOf(id, this.#rows.ready.due(lane, rank, now, MANY_ROWS)))
      .filter(row => row.lease === undefined && row.hold === undefined && row.due <= now)
      .filter(row => goesWith(envelope, first, row))
      .sort((a, b) => b.priority - a.priority || Number(a.tries > 0) - Number(b.tries > 0) || a.due - b.due)
      .slice(0, maxRows)
    return this.#lend(envelope, rows, until)
  }

  /** All rows of the message; of one with very many only those next in the index, or each of its hundred claims would read them all. */
  #nearby(id: string, near: () => readonly number[]): RowRecord[] {
    const all = this.#rows.rowsOf(id, MANY_ROWS)
    return all.length < MANY_ROWS ? all : near().flatMap(number => this.#rows.row(id, number) ?? [])
  }

  #lend(envelope: Envelope, rows: readonly RowRecord[], until: number): Claimed {
    const job = jobOf(envelope, rows, until)
    for (const row of rows) this.#rows.lend(envelope.id, row, job.token)
    this.#rows.setLease(job.token, { id: envelope.id, rows: rows.map(({ row }) => row), until })
    return job
  }
}

function byDue(a: HeadKey, b: HeadKey): number {
  return a[1] - b[1]
}

function takingOf(options: ClaimOptions): Taking {
  const shut = new Set([...(options.except ?? [])].map(laneOfPath))
  return { ...options, claimed: [], tried: 0, shut, taken: new Map() }
}

/** Before those that are due later. */
function putInOrder(heads: HeadKey[], head: HeadKey): void {
  const at = heads.findIndex(other => other[1] > head[1])
  heads.splice(at === -1 ? heads.length : at, 0, head)
}

function isSame(a: ReadyKey | undefined, b: ReadyKey): boolean {
  return a?.every((part, at) => part === b[at]) === true
}

function numbersOf(id: string, keys: readonly (readonly [unknown, unknown, number, string, number])[]): number[] {
  return keys.filter(([, , , other]) => other === id).map(([, , , , number]) => number)
}

/** `target/lane` as the index names it; targets have no slash in their names. */
function laneOfPath(path: string): string {
  const slash = path.indexOf('/')
  return laneKey(path.slice(0, slash), path.slice(slash + 1))
}
