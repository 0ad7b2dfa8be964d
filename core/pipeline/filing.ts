/**
 * The short way of local mail: local targets say where it belongs before it is stored, so that one commit makes the message durable
 * and delivered. What cannot be filed now keeps its queue row and goes the long way, with the same result.
 */
import {
  type Cut,
  type Defer,
  defer,
  type Filing,
  type Job,
  type NewRow,
  type Outcome,
  type Reject,
  reject,
  type Target,
  type TrailEntry,
  unreachable,
} from '../api/index.js'
import { formatAddress } from '../text/index.js'
import type { AskScope, Received } from './intake-types.js'
import { groupRows, localJob } from './local-job.js'
import type { IntakeParts } from './parts.js'
import { filedEntry } from './trail.js'

/** A target that takes longer than this over one message leaves it to the queue. */
const LOCAL_DEADLINE_MS = 20_000

export interface LocalResult {
  readonly filings: readonly Filing[]
  /** What remains for the queue. */
  readonly rows: readonly NewRow[]
  /** Only over LMTP: rows whose failure the client is told, instead of a queue row. */
  readonly refused: ReadonlyMap<number, Reject | Defer>
  readonly trail: readonly TrailEntry[]
  /** Tells `settled` hooks and the log, once the commit is done. */
  tell(): void
}

export async function fileLocally(
  parts: IntakeParts,
  received: Received,
  rows: readonly NewRow[],
  cuts: readonly Cut[],
  scope: AskScope,
): Promise<LocalResult> {
  const isLocal = (row: NewRow) => parts.targets.get(row.target)?.scope === 'local' && row.hold === undefined
  const waiting: NewRow[] = rows.filter(row => !isLocal(row))
  const filings: Filing[] = []
  const refused = new Map<number, Reject | Defer>()
  const trail: TrailEntry[] = []
  const done: { job: Job; outcomes: readonly Outcome[] }[] = []
  for (const group of groupRows(rows.filter(isLocal))) {
    const job = localJob({
      envelope: received.envelope,
      rows: group,
      received: received.received,
      cuts,
      bodySize: received.message.size,
      readBody: (from, to) => received.message.read(from, to),
    })
    const outcomes = await deliverWithin(parts.targets.get(job.target)!, job, scope)
    done.push({ job, outcomes })
    for (const row of group) {
      const outcome = outcomes.find(one => one.row === row.row)
      if (outcome?.kind === 'filed') {
        filings.push(...outcome.filings)
        trail.push(filedEntry(job.id, row, outcome.filings, parts.clock.now()))
      } else if (received.session.protocol === 'lmtp') {
        refused.set(row.row, replyTo(outcome))
      } else {
        waiting.push(later(row, outcome, parts))
      }
    }
  }
  const tell = () => {
    for (const { job, outcomes } of done) {
      const outcomesHere = outcomes.filter(one => one.kind === 'filed')
      if (outcomesHere.length === 0) continue
      parts.pipeline.tell('settled', { job, outcomes: outcomesHere }, received.session.labels, scope)
      for (const { row, filings: into } of outcomesHere) {
        const to = formatAddress(job.recipients.find(one => one.row === row)!.original)
        scope.log.info({ id: job.id, to, mailbox: into.map(one => one.mailbox).join(',') }, 'filed')
      }
    }
  }
  return { filings, rows: waiting, refused, trail, tell }
}

/** Never throws: trouble is an outcome, and the queue tries again. */
async function deliverWithin(target: Target, job: Job, scope: AskScope): Promise<readonly Outcome[]> {
  const signal = AbortSignal.any([scope.signal, AbortSignal.timeout(LOCAL_DEADLINE_MS)])
  try {
    const late = new Promise<never>((_, fail) => {
      signal.addEventListener('abort', () => fail(signal.reason), { once: true })
    })
    return await Promise.race([target.deliver(job, { signal, log: scope.log }), late])
  } catch (error) {
    scope.log.error({ err: error, target: job.target }, 'local target failed')
    return []
  }
}

/** A row that was not filed: the queue tries again after a while, or at once when it only has to tell the sender. */
function later(row: NewRow, outcome: Outcome | undefined, parts: IntakeParts): NewRow {
  const now = parts.clock.now()
  return { ...row, due: outcome?.kind === 'failed' ? now : now + parts.firstRetryMs }
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
