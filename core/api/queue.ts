/**
 * The queue behind its interface: messages, a row per recipient, leases, and what an admin does to them. Everything a backend must keep
 * is said here and proven by `test/contracts/queue*.ts`: whoever writes another one needs nothing else.
 */
import type { Address } from './address.js'
import type { QueueCondition, QueueField } from './queue-query.js'
import type { DsnWish, Wishes } from './session.js'
import type { Acceptance, Cut, Filing, NewBody } from './stores.js'
import type { TrailEntry } from './trail.js'

export interface NewMessage extends Wishes {
  /** Queue id, unique for ever. */
  readonly id: string
  readonly body: NewBody
  readonly cuts: readonly Cut[]
  readonly sender: Address | null
  readonly utf8: boolean
  readonly bodyType: '7BIT' | '8BITMIME' | 'BINARYMIME'
  readonly ret?: 'FULL' | 'HDRS'
  readonly envid?: string
  /** Milliseconds since the epoch, as all times here. */
  readonly received: number
  /** Facts for people and policies: remote address, helo, listener, login, Message-ID, subject. */
  readonly origin: Readonly<Record<string, string>>
}

/**
 * Who sent it, as far as its patience goes; the first that fits. `bounces`: nobody, so that nothing comes back; `bulk`: of a priority below 0;
 * `authenticated`: by login; `trusted`: from the networks of that name.
 */
export type SenderClass = 'bounces' | 'bulk' | 'authenticated' | 'trusted' | 'others'

/** A recipient still to be served. */
export interface NewRow {
  readonly row: number
  readonly to: Address
  readonly original: Address
  readonly dsn: DsnWish
  readonly target: string
  readonly lane: string
  /** Replaces the message's sender for this row (`undefined`: the message's own). */
  readonly sender?: Address | null
  readonly detail: Readonly<Record<string, string>>
  /** Fields in front of the body for this recipient. */
  readonly prefix: string
  /** Of a local target: those in front if it goes on from there, where they are others. */
  readonly onward?: string
  /** Of a local target: why what goes out from there is held, where it is. */
  readonly onwardHold?: string
  readonly due: number
  /** When we give up. */
  readonly expires: number
  /** A reason, while the row is held; held rows are only claimed by those who name the reason (`ClaimOptions.held`). */
  readonly hold?: string
  readonly quarantine?: string
  /** −9 … 9, RFC 6710; higher goes first. */
  readonly priority: number
}

export interface QueueRow extends NewRow {
  readonly tries: number
  /** What the last attempt said. */
  readonly last?: {
    readonly at: number
    readonly status: string
    readonly text: string
    readonly remote?: string
    /** What it meant, by the rules about replies. */
    readonly class?: string
  }
  /** Why nothing was tried when it was due, for a reason of our own; gone with the next attempt. */
  readonly wait?: {
    /** When that was first so, and when last. */
    readonly since: number
    readonly at: number
    readonly status: string
    readonly text: string
    readonly class?: string
  }
  /** Under a lease right now. */
  readonly leased: boolean
  /** The sender was told of the delay. */
  readonly warned?: boolean
  /** Decided by an admin: whoever claims it settles it so, with a bounce, and tries no delivery. */
  readonly verdict?: RowVerdict
}

export interface QueuedMessage extends Omit<NewMessage, 'body'> {
  readonly bodyId: string
  readonly bodySize: number
  readonly rows: readonly QueueRow[]
}

/**
 * Rows of one message, one target, one lane, one sender and one prefix, all with a verdict or all without, taken together under one lease.
 */
export interface Claimed {
  /** Names the lease; `settle` and `renew` need the current one. */
  readonly token: string
  readonly message: Omit<QueuedMessage, 'rows'>
  readonly rows: readonly QueueRow[]
  readonly leaseUntil: number
}

export interface ClaimOptions {
  readonly now: number
  readonly leaseMs: number
  /** At most this many jobs. */
  readonly max: number
  /** Lanes (`target/lane`) that may not be claimed now: busy or suspended. */
  readonly except?: ReadonlySet<string>
  /** Only these lanes (`target/lane`). */
  readonly only?: ReadonlySet<string>
  /**
   * Rows of `only` that are held for exactly this reason too; no others that are held. They keep their hold under the lease and when
   * they are given back or come `again`. In which order held rows come is the store's.
   */
  readonly held?: string
  /** At most this many rows in one job; default 100. */
  readonly maxRows?: number
  /** At most this many jobs of one lane; default any. Of no meaning together with `held`, as are the next two. */
  readonly perLane?: number
  /**
   * At most so many of the jobs are of rows that have been tried before (the first row of a job counts), and that many of `max` are kept for
   * them as long as there are such: what was never tried does not wait behind a million old rows that are due at once, nor they behind
   * a stream of new.
   */
  readonly mostTried?: number
  readonly leastTried?: number
}

/** Rows of a message that is being accepted, as a claim would take them in the same moment. */
export type LendWish = Pick<ClaimOptions, 'now' | 'leaseMs' | 'max' | 'maxRows'>

/** What becomes of a row at `settle`. `done` removes it; the last row takes the message with it. */
export type RowChange =
  | { readonly kind: 'done'; readonly row: number }
  | {
      readonly kind: 'again'
      readonly row: number
      readonly due: number
      readonly status: string
      readonly text: string
      readonly remote?: string
      readonly class?: string
      readonly warned?: boolean
      /** It was no attempt: `tries` and `last` stay as they are, and what is said here becomes `wait`. */
      readonly untried?: true
    }
  | { readonly kind: 'hold'; readonly row: number; readonly reason: string }

/** Which rows are meant: those that fit every condition. Without conditions, all. */
export interface QueueFilter {
  readonly where?: readonly QueueCondition[]
  /**
   * Default: by id, which is by age; but in which order held rows of one lane come (`held`, `target` and `lane` named by `=`) is the store's.
   * Any other order looks at the whole queue, and may end after 100,000 messages. `sortedBy` says how.
   */
  readonly sort?: { readonly by: QueueField; readonly descending?: boolean }
  /** At most this many messages. */
  readonly limit?: number
}

export interface QueueTotals {
  readonly messages: number
  readonly rows: number
  readonly held: number
  /** When the next unleased, unheld row is due. */
  readonly nextDue?: number
}

/** What an admin has decided of a recipient. */
export interface RowVerdict {
  /** Enhanced status code, 5.x.x. */
  readonly status: string
  readonly text: string
  /** Told as "gave up", not as "failed". */
  readonly expired: boolean
}

/** An admin's change. */
export type QueueChange =
  | { readonly kind: 'hold'; readonly reason: string }
  | { readonly kind: 'release' }
  | { readonly kind: 'retry'; readonly due: number }
  /** Gone without a word to anybody but the trail. */
  | { readonly kind: 'drop' }
  /** Due at once, hold or not, for whoever claims it next. */
  | { readonly kind: 'fail'; readonly verdict: RowVerdict }
  /** Somewhere else from now on: free, due at once, as if it had not been tried. The original recipient stays for reports. */
  | {
      readonly kind: 'redirect'
      readonly to: Address
      readonly target: string
      readonly lane: string
      readonly detail: Readonly<Record<string, string>>
    }

/** What waits for one destination. */
export interface LaneShape {
  readonly target: string
  readonly lane: string
  readonly rows: number
  readonly held: number
  /** When the oldest of its messages was received; a backend may be a minute early. */
  readonly oldest: number
  /** Rows by age: as many as there are edges and one more. An age counts in the first group whose edge it does not reach. */
  readonly ages: readonly number[]
}

export interface ShapeWish {
  readonly now: number
  /** Ages in milliseconds, ascending; at most 20. A backend may be off by a minute. */
  readonly edges: readonly number[]
  /** At most this many lanes, the fullest first, and by `target/lane` where they are as full. */
  readonly most: number
}

export interface QueueShape {
  readonly lanes: readonly LaneShape[]
  /** How many lanes there are in all. */
  readonly count: number
  /** Of all of them together. */
  readonly ages: readonly number[]
}

/** New rows that fit are held on their way in, until somebody releases them. The store keeps rules; core goes by them. */
export interface HoldRule {
  readonly id: string
  readonly where: readonly QueueCondition[]
  readonly reason: string
  readonly created: number
}

/** A row (or a whole message) that cannot be read; it was put aside so that it does not stop the others. */
export interface BrokenRow {
  readonly id: string
  readonly row?: number
  readonly at: number
  readonly why: string
}

/** Whether the queue keeps its promise that nobody is forgotten. */
export interface QueueAudit {
  readonly rows: number
  /** Rows with neither a next attempt that somebody will find, nor a lease, nor a hold. Must be 0. */
  readonly adrift: number
  /** The time at which the row that has waited longest past its due time was due; left out: none is past it. */
  readonly oldestDue?: number
  readonly broken: number
}

export interface Queue {
  /**
   * Rows that are due and not held or leased (or whose lease has run out): higher priorities first, at one priority those never tried before
   * those that were, and each by due time; jobs by their first rows, and the rows of a job among themselves. What it looks at does not grow
   * with the queue. Each row goes to one claim only, whichever processes ask at the same time; the leases are durable.
   * `held` without `only` claims nothing that is held.
   */
  claim(options: ClaimOptions): Promise<readonly Claimed[]>
  /** False when the lease is no longer ours. */
  renew(token: string, until: number): Promise<boolean>
  /** Gives unsettled rows back at once, unchanged. */
  release(token: string): Promise<void>
  /**
   * Ends a lease: row changes, new filings and rows, follow-up messages (a bounce) and trail entries in one durable step.
   * Throws `lease-lost` and changes nothing when the token is not current. Rows without a change are given back.
   */
  settle(token: string, changes: readonly RowChange[], also?: SettleAlso): Promise<void>
  /** With all rows, by their numbers. */
  get(id: string): Promise<QueuedMessage | undefined>
  /** Messages with rows that fit, and of each those rows only. */
  list(filter?: QueueFilter): AsyncIterable<QueuedMessage>
  totals(): Promise<QueueTotals>
  /** Costs the same however long the queue is, but for the number of lanes. */
  shape(wish: ShapeWish): Promise<QueueShape>
  /**
   * By message id; without `rows`, all of them. Leased rows are left alone. Resolves to the number of rows changed; the trail entries
   * commit with the change, and only when there was one.
   */
  change(id: string, change: QueueChange, rows?: readonly number[], trail?: readonly TrailEntry[]): Promise<number>
  /** By the time of their making, then by id. Kept durably, seen by every process at once. */
  holdRules(): Promise<readonly HoldRule[]>
  /** In the place of one with the same id. Changes nothing that is in the queue. */
  addHoldRule(rule: HoldRule): Promise<void>
  /** Whether it was there. What it has held stays held. */
  removeHoldRule(id: string): Promise<boolean>
  /** Looks at every row, a step at a time. */
  audit(now: number): Promise<QueueAudit>
  /** What was put aside, oldest first; at most 10,000. */
  broken(): Promise<readonly BrokenRow[]>
  /** Told when rows may have become due: new mail, changes, also those of other processes. */
  watch(listener: () => void): () => void
}

export interface SettleAlso {
  readonly filings?: readonly Filing[]
  /** New recipients of the same message: it goes on to others. The store numbers them. */
  readonly rows?: readonly Omit<NewRow, 'row'>[]
  readonly follow?: readonly Acceptance[]
  readonly trail?: readonly TrailEntry[]
}
