/**
 * The short way of local mail: local targets say where it belongs before it is stored, so that one commit makes the message durable
 * and delivered. What cannot be filed now keeps its queue row and goes the long way, with the same result; only what fails for good
 * while the client can still be told so is refused instead, so that no bounce goes to a sender who may be forged.
 */
import {
  type Acceptance,
  type Cut,
  type Defer,
  type DeliverBy,
  defer,
  type Filing,
  type HoldRule,
  type Job,
  type NewMessage,
  type NewRow,
  type Outcome,
  type Reject,
  reject,
  type Target,
  type TrailEntry,
  unreachable,
} from '../api/index.js'
import { formatAddress } from '../text/index.js'
import { LazyCall } from './call.js'
import { endedWithin } from './deadline.js'
import { servedAtOnce } from './events.js'
import { filedEntries, filedFacts } from './filed-words.js'
import { heldByRules } from './holds.js'
import type { AskScope, Intake, Received } from './intake-types.js'
import { groupRows, localJob } from './local-job.js'
import { type Filed, type OwedAnswer, onwardRows, owedAnswers, plannedAnswers, soundFiled } from './onward.js'
import { soundOutcomes } from './outcomes.js'
import type { IntakeParts } from './parts.js'
import { deliveredEntry } from './trail.js'

/** A target that takes longer than this over one message leaves it to the queue. */
const LOCAL_DEADLINE_MS = 20_000

export interface LocalResult {
  readonly filings: readonly Filing[]
  /** What remains for the queue, and where `filed` rows go on to. */
  readonly rows: readonly NewRow[]
  /** Those of `rows` that are where `filed` rows go on to. */
  readonly onward: ReadonlySet<NewRow>
  /** Answers to it. */
  readonly follow: readonly Acceptance[]
  /** Rows whose failure the client is told, instead of a queue row. */
  readonly refused: ReadonlyMap<number, Reject | Defer>
  /** Rows that `filings` settle. */
  readonly filed: readonly NewRow[]
  readonly trail: readonly TrailEntry[]
  /** Tells `settled` hooks and the log, once the commit is done. */
  tell(): void
}

export interface LocalMail {
  readonly received: Received
  readonly rows: readonly NewRow[]
  readonly cuts: readonly Cut[]
  readonly message: NewMessage
  /** Of the admin: new rows that are held. */
  readonly holds: readonly HoldRule[]
  /** What the client can be told: nothing, one answer for all, or one for each recipient. */
  readonly answers: 'none' | 'one' | 'each'
}

type Settled = Filed | Extract<Outcome, { kind: 'delivered' }>
type Plan = Intake['plan']
interface Open {
  readonly row: NewRow
  readonly outcome: Outcome | undefined
}

export async function fileLocally(
  parts: IntakeParts,
  plan: Plan,
  mail: LocalMail,
  scope: AskScope,
): Promise<LocalResult> {
  const { received, rows } = mail
  const now = (row: NewRow) => isLocal(parts, row, received.envelope.deliverBy)
  const waiting: NewRow[] = rows.filter(row => !now(row))
  const local = waiting.length === rows.length ? [] : rows.filter(now)
  const made = new Made(parts, mail)
  const open: Open[] = []
  const done: { job: Job; outcomes: readonly Settled[] }[] = []
  for (const group of groupRows(local)) {
    const job = jobFor(mail, group)
    const byRow = new Map((await deliverWithin(parts.targets.get(job.target)!, job, scope)).map(one => [one.row, one]))
    const outcomes: Settled[] = []
    for (const row of group) {
      const outcome = byRow.get(row.row)
      const settled = made.settle(row, outcome, scope)
      if (settled === undefined) open.push({ row, outcome: outcome?.kind === 'filed' ? undefined : outcome })
      else outcomes.push(settled)
    }
    if (outcomes.length > 0) done.push({ job, outcomes })
  }
  const refused = refusals(mail, open)
  for (const { row, outcome } of open) if (!refused.has(row.row)) waiting.push(later(row, outcome, parts))
  const { follow, trail } = await made.finish(plan, scope)
  const { filings, filed } = made
  waiting.push(...made.onward)
  const onward = new Set(made.onward)
  const say = () => tell(parts, received, done, scope)
  return { filings, rows: waiting, onward, follow, refused, filed, trail, tell: say }
}

/** What the rows that are settled come to. */
class Made {
  readonly filings: Filing[] = []
  readonly filed: NewRow[] = []
  readonly onward: NewRow[] = []
  readonly #answers: OwedAnswer[] = []
  readonly #settled: { readonly row: NewRow; readonly outcome: Settled }[] = []
  readonly #parts: IntakeParts
  readonly #mail: LocalMail

  constructor(parts: IntakeParts, mail: LocalMail) {
    this.#parts = parts
    this.#mail = mail
  }

  /** The outcome as it is carried out; nothing: it is not settled. */
  settle(row: NewRow, outcome: Outcome | undefined, scope: AskScope): Settled | undefined {
    if (outcome?.kind !== 'filed' && outcome?.kind !== 'delivered') return undefined
    const sound = outcome.kind === 'filed' ? soundFiled(outcome, row) : outcome
    if (sound === undefined) return undefined
    if (sound.kind === 'filed') {
      if (!this.#goesOn(row, sound, scope)) return undefined
      for (const filing of sound.filings) this.filings.push(filing)
      this.#answers.push(...owedAnswers(sound, row))
      this.filed.push(row)
    }
    this.#settled.push({ row, outcome: sound })
    return sound
  }

  /** False: it cannot go on now, so that it is not filed now either. */
  #goesOn(row: NewRow, outcome: Filed, scope: AskScope): boolean {
    if (outcome.forwards === undefined) return true
    const { lifeMs, targets, clock } = this.#parts
    const { message, rows, holds, received } = this.#mail
    try {
      const known = {
        targets,
        now: clock.now(),
        lifeMs: (place: Parameters<typeof lifeMs>[1]) => lifeMs(message, place),
      }
      const onward = onwardRows(message, row, outcome, known)
      const numbered = onward.map((one, at) => ({ ...one, row: rows.length + this.onward.length + at }))
      this.onward.push(...heldByRules(holds, message, received.message.size, numbered, known.now))
      return true
    } catch (error) {
      scope.log.error({ err: error }, 'mail cannot be sent on')
      return false
    }
  }

  async finish(plan: Plan, scope: AskScope): Promise<Pick<LocalResult, 'follow' | 'trail'>> {
    const now = this.#parts.clock.now()
    const { id } = this.#mail.message
    const { follow, sent } = await plannedAnswers(plan, this.#answers, now, scope)
    const trail = this.#settled.flatMap(({ row, outcome }) =>
      outcome.kind === 'filed' ? filedEntries(id, row, outcome, sent, now) : [deliveredEntry(id, row, outcome, now)],
    )
    return { follow, trail }
  }
}

/** A sender who wants to hear of success is told by the queue, as for any other target. */
function isLocal({ targets, clock }: IntakeParts, { target, hold, dsn, due }: NewRow, by?: DeliverBy): boolean {
  // RFC 2852 §4.1.3: what came in too late is not delivered; the queue tells the sender.
  if (by?.mode === 'return' && clock.now() >= by.at) return false
  // RFC 4865 §4.2: what shall wait, waits in the queue.
  if (hold !== undefined || due > clock.now()) return false
  const found = targets.get(target)
  if (found?.scope !== 'local' || found.queued === true) return false
  return !dsn.notify.includes('success') && dsn.expanded !== true
}

function jobFor({ received, cuts }: LocalMail, rows: readonly NewRow[]): Job {
  const { envelope, message } = received
  return localJob({
    envelope,
    rows,
    received: received.received,
    cuts,
    bodySize: message.size,
    readBody: (from, to) => message.read(from, to),
  })
}

/** Never throws: trouble is an outcome, and the queue tries again. */
async function deliverWithin(target: Target, job: Job, scope: AskScope): Promise<readonly Outcome[]> {
  const call = new LazyCall(scope)
  const failed = (error: unknown): readonly Outcome[] => {
    scope.log.error({ err: error, target: job.target }, 'local target failed')
    return []
  }
  try {
    return await endedWithin(target.deliver(job, call), LOCAL_DEADLINE_MS, {
      done: soundOutcomes,
      failed,
      late() {
        const reason = new Error(`no outcome within ${LOCAL_DEADLINE_MS} ms`)
        call.end(reason)
        return failed(reason)
      },
    })
  } catch (error) {
    return failed(error)
  }
}

/**
 * Which rows the client is told of. For each: a recipient none of whose rows went anywhere; an alias that was filed for one of two must
 * not come again. One answer for all: only when everything has failed for good.
 */
function refusals({ rows, answers }: LocalMail, open: readonly Open[]): ReadonlyMap<number, Reject | Defer> {
  if (answers === 'none' || open.length === 0) return new Map()
  const failed = new Map(open.map(({ row, outcome }) => [row.row, replyTo(outcome)]))
  if (answers === 'one') {
    const hopeless = failed.size === rows.length && [...failed.values()].every(reply => reply.kind === 'reject')
    return hopeless ? failed : new Map()
  }
  const served = new Set(rows.filter(({ row }) => !failed.has(row)).map(({ original }) => original))
  for (const { row } of open) if (served.has(row.original)) failed.delete(row.row)
  return failed
}

/** A row that was not filed: the queue tries again after a while, or at once when it only has to tell the sender. */
function later(row: NewRow, outcome: Outcome | undefined, parts: IntakeParts): NewRow {
  const now = parts.clock.now()
  return { ...row, due: outcome?.kind === 'failed' ? now : now + parts.firstRetryMs }
}

function tell(
  parts: IntakeParts,
  received: Received,
  done: readonly { readonly job: Job; readonly outcomes: readonly Settled[] }[],
  scope: AskScope,
): void {
  const { labels } = received.session
  const now = parts.clock.now()
  for (const { job, outcomes } of done) {
    parts.pipeline.tell('settled', { job, outcomes }, labels, scope)
    const originals = new Map(job.recipients.map(({ row, original }) => [row, original]))
    for (const outcome of outcomes) {
      parts.pipeline.tell('event', { event: servedAtOnce(received, job, outcome, now) }, labels, scope)
      const to = formatAddress(originals.get(outcome.row)!)
      const { id, lane, size } = job
      const facts: Record<string, unknown> = { id, from: formatAddress(job.sender), to, lane, size }
      if (outcome.kind === 'delivered') {
        facts.remote = outcome.remote
        scope.log.info(facts, 'delivered')
      } else {
        const { sentence, facts: how } = filedFacts(outcome)
        scope.log.info(Object.assign(facts, how), sentence)
      }
    }
  }
}

function replyTo(outcome: Outcome | undefined): Reject | Defer {
  if (outcome === undefined) return defer('Cannot deliver right now', { code: 451, status: '4.3.0' })
  switch (outcome.kind) {
    case 'deferred':
      return defer(outcome.text, { code: outcome.status === '4.2.2' ? 452 : 451, status: outcome.status })
    case 'failed':
      return reject(outcome.text, { code: outcome.status === '5.2.2' ? 552 : 550, status: outcome.status })
    case 'delivered':
    case 'filed':
      return defer('Cannot deliver right now', { code: 451, status: '4.3.0' })
    default:
      return unreachable(outcome)
  }
}
