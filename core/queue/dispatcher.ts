/**
 * Delivers what waits in some lanes through a target that is there only now: a client that has come for its mail. Jobs are claimed,
 * attempted and settled exactly as the runner does it (bounces, trail, signatures), but one after the other and beside it.
 * The rule it keeps: what was claimed and not tried is given back unchanged, and nothing is tried twice in one drain.
 */
import type { Dispatcher, Drained, DrainWish, Log, Outcome } from '../api/index.js'
import { type AttemptParts, attempt } from './attempt.js'
import { Lease } from './lease.js'

export interface DispatcherDeps {
  readonly attempt: AttemptParts
  readonly schedule: { readonly leaseMs: number }
  readonly log: Log
  /** How long the job under way may go on when the drain is to end. */
  readonly graceMs: number | undefined
}

/** Jobs under lease at a time. */
const BATCH = 20
const GRACE_MS = 20_000

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  return { drain: wish => drain(deps, wish) }
}

async function drain(deps: DispatcherDeps, wish: DrainWish): Promise<Drained> {
  const tally = { delivered: 0, failed: 0, left: 0 }
  const parts: AttemptParts = {
    ...deps.attempt,
    targets: { get: () => wish.target },
    settled: (job, outcomes, scope) => {
      count(tally, outcomes)
      deps.attempt.settled(job, outcomes, scope)
    },
  }
  const { cut, end } = cutLater(wish.signal, deps.graceMs ?? GRACE_MS)
  try {
    // What is put off is due a moment after its attempt, and so not in this drain.
    const started = parts.clock.now()
    while (!wish.signal.aborted) {
      const leases = await claim(deps, wish, started)
      if (leases.length === 0) break
      await inTurn(deps, parts, wish, leases, cut)
    }
    return tally
  } finally {
    end()
  }
}

async function claim({ attempt: { store, clock }, schedule, log }: DispatcherDeps, wish: DrainWish, started: number) {
  const claimed = await store.queue.claim({
    now: started,
    // Leases begin now and not when the drain began.
    leaseMs: schedule.leaseMs + (clock.now() - started),
    max: BATCH,
    only: wish.lanes,
    ...(wish.held === undefined ? {} : { held: wish.held }),
  })
  return claimed.map(one => new Lease(one, store.queue, schedule.leaseMs, clock, log))
}

async function inTurn(
  deps: DispatcherDeps,
  parts: AttemptParts,
  wish: DrainWish,
  leases: readonly Lease[],
  cut: AbortSignal,
): Promise<void> {
  for (const lease of leases) {
    const { message, rows } = lease.claimed
    const log = deps.log.child({ id: message.id, target: rows[0]?.target })
    if (lease.lost) lease.end()
    else if (wish.signal.aborted) await giveBack(parts, lease, log)
    else await attempt(parts, lease, log, cut)
  }
}

async function giveBack({ store }: AttemptParts, lease: Lease, log: Log): Promise<void> {
  lease.end()
  try {
    await store.queue.release(lease.claimed.token)
  } catch (error) {
    log.warn({ err: error }, 'lease not released')
  }
}

function count(tally: { -readonly [K in keyof Drained]: Drained[K] }, outcomes: readonly Outcome[]): void {
  for (const { kind } of outcomes) {
    if (kind === 'deferred') tally.left += 1
    else if (kind === 'failed') tally.failed += 1
    else tally.delivered += 1
  }
}

/** A signal that follows another after a while. */
function cutLater(signal: AbortSignal, graceMs: number): { readonly cut: AbortSignal; end(): void } {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    timer ??= setTimeout(() => controller.abort(), graceMs)
  }
  signal.addEventListener('abort', begin, { once: true })
  if (signal.aborted) begin()
  return {
    cut: controller.signal,
    end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', begin)
    },
  }
}
