/**
 * The parts joined to one store over one environment, so that one commit covers bodies, queue, mailboxes and trail.
 */
import {
  type Acceptance,
  type Bus,
  type Claimed,
  type LendWish,
  type Log,
  MailError,
  type Metrics,
  type Store,
} from 'posthouse/api'
import { LmdbBodies } from './bodies.js'
import { Boxes } from './boxes.js'
import { Broken } from './broken.js'
import { Copies } from './copies.js'
import { Digests } from './digests.js'
import { Directory } from './directory.js'
import { Doomed } from './doomed.js'
import type { Environment } from './environment.js'
import { openEnvironment } from './environments.js'
import { Filings } from './filings.js'
import { checkQueueId } from './keys.js'
import { Indexes } from './mail-index.js'
import { LmdbMailStore } from './mailboxes.js'
import { News } from './news.js'
import { Quarantine } from './quarantine.js'
import { type Accepted, LmdbQueue, QUEUE_TOPIC } from './queue.js'
import { Rolls } from './rolls.js'
import { QueueRows } from './rows.js'
import { Sources } from './sources.js'
import type { StoreStats } from './stats.js'
import { LmdbTrail, type TrailBounds } from './trail.js'
import { type Verification, verification } from './verify/index.js'

/**
 * Raise it with every change of what lies in the store, and say in `openEnvironment`'s caller how the old is read.
 * 2: ranks tell rows that were tried from those that were not. Version 1 is read: its indexes are made anew.
 * 3: messages may have a UIDL of another server. Version 2 is read as it is.
 */
export const FORMAT = 3

export interface LmdbStoreOptions {
  readonly path: string
  /** Address space to start with; it grows by itself. */
  readonly mapBytes?: number
  readonly now?: () => number
  readonly bus?: Bus
  readonly log?: Pick<Log, 'warn'>
  readonly metrics?: Pick<Metrics, 'count'>
  /** How long and how much of the trail is kept. */
  readonly trail?: TrailBounds
}

export interface LmdbStore extends Store {
  stats(): StoreStats
  /** All that ever had a mailbox. */
  accountIds(): readonly string[]
  /** Looks whether everything adds up, and mends it. */
  verification(): Verification
  /** Drafts nobody finished, what is left of deleted mailboxes, trail entries older than `trailBefore` and those beyond its size. */
  sweep(now: number, trailBefore: number): Promise<{ readonly drafts: number; readonly trail: number }>
}

/** A little less than the hour after which each process sweeps. */
const MEND_EVERY_MS = 50 * 60_000
const DEFAULT_MAP_BYTES = 1024 ** 3

export function createLmdbStore(options: LmdbStoreOptions): LmdbStore {
  const { path, mapBytes = DEFAULT_MAP_BYTES, now = Date.now, log } = options
  const env = openEnvironment({ path, mapBytes, kind: 'mail', version: FORMAT, reads: [1, 2] })
  const boxes = new Boxes(env)
  const rows = new QueueRows(env)
  const broken = new Broken(env)
  const quarantine = new Quarantine(env, rows, broken, now, options)
  rows.suspect = suspect => quarantine.note(suspect)
  // Data of a version without the indexes of today: better now than while clients wait.
  if (!rows.indexed) env.prepare(() => rows.makeIndexes())
  const news = new News({
    ...options,
    transactionId: () => env.transactionId(),
    mark: topic => markOf(topic, boxes, rows),
  })
  const bodies = new LmdbBodies(env, now)
  const directory = new Directory(env, boxes, now)
  const digests = new Digests(env, bodies)
  const indexes = new Indexes(env, boxes)
  const rolls = new Rolls(env, boxes, log)
  const copies = new Copies(env)
  const sources = new Sources(env)
  const doomed = new Doomed(env, { boxes, bodies, digests, indexes, rolls, sources }, log)
  const filings = new Filings(boxes, directory, now)
  const trail = new LmdbTrail(env, options.trail)
  const acceptance = new Acceptances({ rows, bodies, filings, trail })
  const queue = new LmdbQueue({ env, rows, quarantine, broken, bodies, filings, trail, news, ...acceptance.steps }, now)
  const mail = new LmdbMailStore(
    { env, boxes, directory, bodies, digests, indexes, rolls, copies, doomed, sources, news },
    now,
  )
  return {
    blobs: bodies,
    stats: () => env.stats(),
    accountIds: () => directory.accountIds(),
    verification: () => verification(env, boxes),
    queue,
    mail,
    trail,
    accept: (one, lend) => accept(env, news, acceptance, one, lend),
    async sweep(at, trailBefore) {
      await mail.mend()
      doomed.wake()
      await quarantine.mendOnceIn(MEND_EVERY_MS)
      await digests.sweep()
      return { drafts: await bodies.sweep(at), trail: await trail.sweep(trailBefore) }
    },
    async close() {
      news.stop()
      await quarantine.settled()
      await doomed.stop()
      await env.quiet()
    },
  }
}

async function accept(
  env: Environment,
  news: News,
  acceptances: Acceptances,
  one: Acceptance,
  lend: LendWish | undefined,
): Promise<readonly Claimed[]> {
  acceptances.check(one)
  const { told, jobs } = await env.write(() => acceptances.apply(one, lend))
  if (told.length > 0) news.tell(told)
  if (one.filings.length > 0 || one.follow !== undefined) news.arrived(told)
  return jobs
}

interface AcceptanceParts {
  readonly rows: QueueRows
  readonly bodies: LmdbBodies
  readonly filings: Filings
  readonly trail: LmdbTrail
}

/** A message with everything that becomes true when it is accepted. */
class Acceptances {
  readonly #parts: AcceptanceParts
  readonly steps = { check: this.check.bind(this), apply: this.apply.bind(this) }

  constructor(parts: AcceptanceParts) {
    this.#parts = parts
  }

  check({ message, filings, trail, follow }: Acceptance): void {
    checkQueueId(message.id)
    for (const one of follow ?? []) this.check(one)
    this.#parts.filings.check(filings)
    this.#parts.trail.check(trail)
  }

  /** Inside a write. */
  apply({ message, rows, filings, trail, follow }: Acceptance, lend?: LendWish): Accepted {
    if (this.#parts.rows.has(message.id)) throw new MailError('internal', `queue id ${message.id} is in use`)
    const queued = rows.length > 0
    const { id, size } = this.#parts.bodies.adopt(message.body, filings.length + (queued ? 1 : 0))
    const jobs = queued ? this.#parts.rows.addMessage(message, rows, { id, size }, lend) : []
    const told = this.#parts.filings.file(filings, { id, size, cuts: message.cuts })
    for (const one of follow ?? []) told.push(...this.apply(one).told)
    this.#parts.trail.note(trail, message.id)
    // What is lent out is due for nobody else.
    const waiting = rows.length > jobs.reduce((sum, job) => sum + job.rows.length, 0)
    return { jobs, told: waiting ? [QUEUE_TOPIC, ...told] : told }
  }
}

function markOf(topic: string, boxes: Boxes, rows: QueueRows): string {
  if (topic === QUEUE_TOPIC) return String(rows.counters().changes)
  const box = boxes.find(topic)
  return box === undefined ? 'gone' : `${box.modseq} ${box.name}`
}
