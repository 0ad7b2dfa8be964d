/**
 * One attempt: from a claimed job to its settled lease. Builds the job, asks for signatures, has the target deliver, judges, writes
 * notifications, and commits all of it in one step.
 * The rule it keeps: whatever is thrown, the rows stay in the queue; and what was delivered is settled even when the server is stopping.
 */
import {
  type Allowed,
  CATALOGUE,
  type Clock,
  type Job,
  type JobView,
  type Log,
  MailError,
  type Metrics,
  type NewField,
  type Outcome,
  type QueueEvent,
  type QueueRow,
  type Replies,
  type Store,
  type Target,
  type Wanted,
} from '../api/index.js'
import { heldEntries } from '../pipeline/holds.js'
import type { AskScope } from '../pipeline/intake-types.js'
import { soundOutcomes } from '../pipeline/outcomes.js'
import { foldField } from '../text/index.js'
import { BodyReader, isGone, unreadable, withoutBody } from './body.js'
import { type Classing, classed } from './classing.js'
import { eventsOf } from './events.js'
import type { Greylisted } from './greylisted.js'
import { jobOf } from './job.js'
import { type Fate, isUntried, judge, tooLate } from './judgement.js'
import { type Place, type Rules, senderClass, timingOf } from './lane-rules.js'
import type { Lease } from './lease.js'
import type { Limits } from './limits.js'
import { type NoticeParts, notices } from './notices.js'
import { onwardOf } from './onward.js'
import { logFate, rowChange, trailEntries } from './record.js'

export interface AttemptParts {
  readonly store: Store
  readonly targets: Pick<ReadonlyMap<string, Target>, 'get'>
  readonly notices: NoticeParts
  readonly schedule: Rules & { readonly greylisted?: Greylisted }
  readonly clock: Clock
  readonly metrics: Metrics
  readonly random: () => number
  /** Of the time that one attempt may take. */
  readonly limits: Limits
  /** Fields to put in front of mail that goes out (DKIM, ARC). A throw defers the job. */
  readonly sign: (job: Job, scope: AskScope) => Promise<readonly NewField[]>
  /** Nothing is left to do but to write down that all of it was delivered. */
  readonly delivered?: (lease: Lease) => void
  /** Told after the commit. */
  readonly settled: (job: JobView, outcomes: readonly Outcome[], scope: AskScope) => void
  readonly happened: (event: QueueEvent, scope: AskScope) => void
  /** Charges what a delivery does on its way; left out: nothing is limited. */
  readonly allow?: (place: Place, wanted: Wanted, source?: string) => Promise<Allowed>
  /** Says what replies mean; left out: nobody does. */
  readonly replies?: Pick<Replies, 'classify'>
}

/** When a bounce cannot be written, the row waits this long; after this much more than its time it goes without one. */
const BOUNCE_RETRY_MS = 300_000
const BOUNCE_GIVE_UP_MS = 86_400_000
/** Waits between attempts to settle what was delivered. */
const SETTLE_WAITS_MS = [500, 1000, 2000, 4000, 8000] as const

/** Said in place of a delivery that is not tried: its destination is suspended. */
export interface StandIn {
  readonly outcomes: readonly Outcome[]
  /** When such rows are due again, whatever the ladder says. */
  readonly until: number
}

/** `stopping` fires when running deliveries must end. Never throws. Resolves to what was heard, when there was an attempt. */
export async function attempt(
  parts: AttemptParts,
  lease: Lease,
  log: Log,
  stopping: AbortSignal,
  standIn?: StandIn,
): Promise<Classing | undefined> {
  try {
    const scope = { signal: stopping, log, suspended: standIn !== undefined }
    const found =
      standIn === undefined ? await tried(parts, lease, scope) : { outcomes: untried(standIn), actions: new Map() }
    const { outcomes } = found
    if (outcomes.length > 0 && outcomes.every(({ kind }) => kind === 'delivered')) parts.delivered?.(lease)
    if (lease.lost)
      log.error({ outcomes: outcomes.map(({ kind }) => kind) }, 'result without a lease, nothing is settled')
    else await conclude(parts, lease, lease.claimed.rows, outcomes, scope)
    return found
  } catch (error) {
    // Not released: the rows would be claimed and delivered again at once. The lease runs out, then they are tried again.
    log.error({ err: error }, 'attempt not settled')
    return undefined
  } finally {
    lease.end()
  }
}

function untried({ outcomes, until }: StandIn): readonly Outcome[] {
  return outcomes.map(one => (one.kind === 'deferred' ? { ...one, untried: true, notBefore: until } : one))
}

async function tried(parts: AttemptParts, lease: Lease, scope: AskScope): Promise<Classing> {
  const said = await deliver(parts, lease, scope)
  const decided = lease.claimed.rows[0]!.verdict !== undefined
  // Cut short by our own stop: there is no time left to read rules for the first time, and little was said.
  const replies = decided || scope.signal.aborted ? undefined : parts.replies
  return classed(replies, said, parts.clock.now(), scope.log)
}

async function deliver(parts: AttemptParts, lease: Lease, scope: AskScope): Promise<readonly Outcome[]> {
  const { claimed } = lease
  const { deliverBy } = claimed.message
  // RFC 2852 §4.1.3: not a moment later, however the attempt came to be late.
  if (deliverBy?.mode === 'return' && parts.clock.now() >= deliverBy.at)
    return claimed.rows.map(({ row }) => tooLate(row))
  // An admin has decided: rows with and without a verdict never share a lease.
  if (claimed.rows[0]!.verdict !== undefined) return claimed.rows.map(({ row, verdict }) => decided(row, verdict))
  const name = claimed.rows[0]!.target
  const target = parts.targets.get(name)
  if (target === undefined) {
    const text = `no plugin supplies the target "${name}": see plugins.yaml`
    scope.log.error({ target: name }, 'target is missing')
    return claimed.rows.map(({ row }) => ({ kind: 'deferred', row, status: '4.3.5', text }))
  }
  const body = new BodyReader(parts.store.blobs, lease.body)
  const outcomes = await deliverThrough(parts, lease, target, body, scope)
  if (body.gone === undefined) return outcomes
  scope.log.error({ err: body.gone, bodyId: claimed.message.bodyId }, 'body cannot be read')
  return withoutBody(claimed.rows, outcomes, body.gone)
}

async function deliverThrough(
  parts: AttemptParts,
  lease: Lease,
  target: Target,
  body: BodyReader,
  scope: AskScope,
): Promise<readonly Outcome[]> {
  try {
    const answer = await parts.limits.within(scope.signal, async signal => {
      const job = await signed(parts, lease, target, body, { ...scope, signal })
      const { allow } = parts
      const place = lease.claimed.rows[0]!
      const limited = allow === undefined ? {} : { allow: (wanted: Wanted, by?: string) => allow(place, wanted, by) }
      return target.deliver(job, { signal, log: scope.log, ...limited })
    })
    return soundOutcomes(answer)
  } catch (error) {
    scope.log.error({ err: error, target: lease.claimed.rows[0]!.target }, 'target failed')
    parts.metrics.count('queue.targetFailures')
    return []
  }
}

function decided(row: number, verdict: QueueRow['verdict']): Outcome {
  const { status = '5.0.0', text = 'given up', expired = false } = verdict ?? {}
  return { kind: 'failed', row, status, text, expired }
}

async function signed(
  parts: AttemptParts,
  { claimed }: Lease,
  target: Target,
  body: BodyReader,
  scope: AskScope,
): Promise<Job> {
  if (target.scope === 'local') return jobOf(claimed, body)
  const sign = async (variant: Job) => {
    const fields = await parts.sign(variant, scope)
    return fields.map(({ name, value }) => foldField(name, value)).join('')
  }
  const job = jobOf(claimed, body, '', sign)
  const fields = await sign(job)
  return fields === '' ? job : jobOf(claimed, body, fields, sign)
}

type Concluding = AskScope & { readonly suspended: boolean }

/** Settles these rows of the lease; the others are given back. */
async function conclude(
  parts: AttemptParts,
  lease: Lease,
  rows: readonly QueueRow[],
  outcomes: readonly Outcome[],
  scope: Concluding,
): Promise<void> {
  try {
    await commit(parts, lease, rows, outcomes, scope)
  } catch (error) {
    const filed = new Set(outcomes.filter(({ kind }) => kind === 'filed').map(({ row }) => row))
    const here = rows.filter(({ row }) => filed.has(row))
    if (here.length === 0 || lease.lost || isLeaseLost(error)) throw error
    scope.log.error({ err: error }, 'filing refused by the store')
    if (here.length > 1 && !isTemporary(error)) {
      // One of them cannot be. They part: this one is settled, the others come again at once as a smaller job.
      const [first, ...others] = here
      const apart = rows.filter(row => row === first || !others.includes(row))
      return conclude(parts, lease, apart, outcomes, scope)
    }
    await commit(
      parts,
      lease,
      rows,
      outcomes.map(outcome => unfiled(outcome, error)),
      scope,
    )
  }
}

function isLeaseLost(error: unknown): boolean {
  return error instanceof MailError && error.errorCode === 'lease-lost'
}

function isTemporary(error: unknown): boolean {
  return error instanceof MailError && error.temporary
}

/** A mailbox that cannot take the mail is an outcome like any other, or the row would come back for ever. */
function unfiled(outcome: Outcome, error: unknown): Outcome {
  if (outcome.kind !== 'filed') return outcome
  const { row } = outcome
  if (isGone(error)) return unreadable(row, error)
  const { status, text } = error instanceof MailError ? error.reply : CATALOGUE.internal
  const permanent = error instanceof MailError && !error.temporary
  return { kind: permanent ? 'failed' : 'deferred', row, status, text }
}

async function commit(
  parts: AttemptParts,
  lease: Lease,
  rows: readonly QueueRow[],
  outcomes: readonly Outcome[],
  scope: Concluding,
): Promise<void> {
  const { message, rows: all } = lease.claimed
  const first = all[0]!
  const now = parts.clock.now()
  let chance: number | undefined
  const judged = judge(rows, outcomes, () => ({
    now,
    // RFC 4865 §4.2: what was held for its time is as old as its release.
    received: Math.max(message.received, message.holdUntil ?? 0),
    timing: timingOf(parts.schedule, senderClass(message, first.sender), first),
    ...(parts.schedule.greylisted === undefined ? {} : { greylisted: parts.schedule.greylisted }),
    // Who is put off together comes back together: one copy goes out for all of them, and one notice to their sender.
    random: () => (chance ??= parts.random()),
    suspended: scope.suspended,
    ...(message.deliverBy === undefined ? {} : { deliverBy: message.deliverBy }),
  }))
  // Cut short by our own stop: that was no attempt of theirs. Such rows go back as they were.
  const kept = scope.signal.aborted ? judged.filter(isFinal) : judged
  const job = jobOf(lease.claimed, parts.store.blobs)
  const told = await bouncesOrLater(parts, job, kept, now, scope.log)
  const { fates, trail } = told
  const { rows: onward, follow, sent } = await onwardOf(parts, message, fates, now, scope)
  // Mail that still waits for the same reason has nothing new to tell.
  const news = fates.filter(fate => !saysTheSame(fate))
  await settle(parts, lease, scope.log, fates, {
    filings: fates.flatMap(fate => (fate.kind === 'filed' ? fate.outcome.filings : [])),
    ...(onward.length === 0 ? {} : { rows: onward }),
    follow: [...told.follow, ...follow],
    trail: [
      ...news.flatMap(fate => trailEntries(message.id, fate, sent, now)),
      ...heldEntries(message.id, onward, now),
      ...trail,
    ],
  })
  for (const fate of news) {
    logFate(scope.log, fate, now - message.received, message)
    parts.metrics.count(`queue.${fate.kind}`)
  }
  parts.settled(
    job,
    news.map(fate => fate.outcome),
    scope,
  )
  for (const event of eventsOf(message, news, trail, now)) parts.happened(event, scope)
}

function saysTheSame(fate: Fate): boolean {
  return fate.kind === 'again' && isUntried(fate) && !fate.warn && fate.row.wait?.text === fate.outcome.text
}

function isFinal(fate: Fate): boolean {
  return fate.kind === 'delivered' || fate.kind === 'filed' || (fate.kind === 'failed' && !fate.expired)
}

/** When bounces cannot be written now, their rows wait instead of vanishing unheard. */
async function bouncesOrLater(parts: AttemptParts, job: Job, fates: readonly Fate[], now: number, log: Log) {
  try {
    return { fates, ...(await notices(parts.notices, job, fates, now, log)) }
  } catch (error) {
    log.error({ err: error }, 'bounce cannot be written now')
    const over = (fate: Fate) => now > fate.row.expires + BOUNCE_GIVE_UP_MS
    if (fates.some(over)) log.error({}, 'gave up telling the sender')
    const later = fates.map(fate => (fate.kind === 'failed' && !over(fate) ? postponed(fate, now) : fate))
    return { fates: later, follow: [], trail: [] }
  }
}

function postponed(fate: Extract<Fate, { kind: 'failed' }>, now: number): Fate {
  const { row, status, text } = fate.outcome
  const outcome = {
    kind: 'deferred',
    row,
    status: `4${status.slice(1)}`,
    text: `the sender cannot be told yet: ${text}`,
  } as const
  return { kind: 'again', row: fate.row, outcome, due: now + BOUNCE_RETRY_MS, warn: false }
}

/** Tries again while the lease holds: what was delivered and not settled would be delivered twice. */
async function settle(
  parts: AttemptParts,
  lease: Lease,
  log: Log,
  fates: readonly Fate[],
  also: NonNullable<Parameters<Store['queue']['settle']>[2]>,
): Promise<void> {
  const { token } = lease.claimed
  for (const waitMs of [...SETTLE_WAITS_MS, undefined]) {
    try {
      await parts.store.queue.settle(token, fates.map(rowChange), also)
      return
    } catch (error) {
      const again = error instanceof MailError && error.temporary && error.errorCode !== 'lease-lost'
      if (!again || waitMs === undefined || lease.lost) throw error
      log.warn({ err: error }, 'settling again')
      await new Promise(resolve => setTimeout(resolve, waitMs))
    }
  }
}
