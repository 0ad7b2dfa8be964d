/**
 * From outcomes to fates: what becomes of each row. Pure; the runner carries it out.
 * The rules: no outcome, or one that makes no sense, is a deferral; a deferral after the last try is a failure; nothing is ever lost.
 */
import { type DeliverBy, type Outcome, type QueueRow, unreachable } from '../api/index.js'
import { soundFiled } from '../pipeline/onward.js'
import { printable } from '../text/index.js'
import { type Greylisted, quickWait } from './greylisted.js'
import { beforeWarning, isTimeToWarn, nextTry, type Timing } from './schedule.js'

/** A row, what its attempt came to, and what follows from it. */
export type Fate = { readonly row: QueueRow } & (
  | { readonly kind: 'delivered'; readonly outcome: Delivered }
  | { readonly kind: 'filed'; readonly outcome: Extract<Outcome, { kind: 'filed' }> }
  /** `late`: the time by which the sender wanted it delivered has just passed. */
  | {
      readonly kind: 'again'
      readonly outcome: Deferred
      readonly due: number
      readonly warn: boolean
      readonly late?: true
    }
  | { readonly kind: 'held'; readonly outcome: Deferred; readonly reason: string }
  | { readonly kind: 'failed'; readonly outcome: Deferred | Failed; readonly expired: boolean }
)

type Delivered = Extract<Outcome, { kind: 'delivered' }>
type Deferred = Extract<Outcome, { kind: 'deferred' }>
type Failed = Extract<Outcome, { kind: 'failed' }>

export interface JudgementFacts {
  readonly now: number
  /** Since when it could be delivered. */
  readonly received: number
  readonly deliverBy?: DeliverBy
  readonly timing: Timing
  readonly greylisted?: Greylisted
  /** The same for all that are judged together. */
  readonly random: () => number
  /** Its destination is suspended: how much goes there afterwards is measured out elsewhere. */
  readonly suspended?: boolean
}

/** Longest text of a target or a peer that we keep. */
const MAX_TEXT = 1000
/** What waits for room of ours is looked at again a little after it may be there: the longer it has waited, the further apart from others. */
const LEAST_SPREAD_MS = 1000
const LONGEST_SPREAD_MS = 600_000
const SPREAD = 0.5

/** `facts` is asked for only where they matter: most mail is delivered. */
export function judge(
  rows: readonly QueueRow[],
  outcomes: readonly Outcome[],
  facts: () => JudgementFacts,
): readonly Fate[] {
  const byRow = new Map<number, Outcome>()
  for (const outcome of outcomes) if (!byRow.has(outcome.row)) byRow.set(outcome.row, outcome)
  return rows.map(row => judgeRow(row, byRow.get(row.row) ?? missing(row), facts))
}

/** Attempts made, this one counted if it was one. */
export function triesOf(fate: Fate): number {
  return fate.row.tries + (fate.kind === 'held' || isUntried(fate) ? 0 : 1)
}

/** Nobody was asked, for a reason of our own. */
export function isUntried(fate: Fate): boolean {
  return 'untried' in fate.outcome && fate.outcome.untried === true
}

function judgeRow(row: QueueRow, outcome: Outcome, facts: () => JudgementFacts): Fate {
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'delivered', row, outcome: tidyDelivered(outcome) }
    case 'filed': {
      const sound = soundFiled(outcome, row)
      return sound === undefined ? deferred(row, spamOnly(row), facts()) : { kind: 'filed', row, outcome: sound }
    }
    case 'failed':
      return { kind: 'failed', row, outcome: tidy(outcome, '5'), expired: outcome.expired === true }
    case 'deferred':
      return deferred(row, tidy(outcome, '4'), facts())
    default:
      return unreachable(outcome)
  }
}

function tidyDelivered(outcome: Delivered): Delivered {
  const { row, remote, tls, security, source, reports, timed, final } = outcome
  const tidied: { -readonly [K in keyof Delivered]: Delivered[K] } = {
    kind: 'delivered',
    row,
    remote,
    reply: printable(outcome.reply, MAX_TEXT),
  }
  if (tls !== undefined) tidied.tls = tls
  if (security !== undefined) tidied.security = printable(String(security), MAX_TEXT)
  if (source !== undefined) tidied.source = printable(String(source), MAX_TEXT)
  if (reports !== undefined) tidied.reports = reports
  if (timed !== undefined) tidied.timed = timed
  if (final === true) tidied.final = final
  return tidied
}

function deferred(row: QueueRow, outcome: Deferred, facts: JudgementFacts): Fate {
  const { now, received, timing, deliverBy } = facts
  // Claimed although it is held: its client came for it. It waits for the client's next call, which may be soon or never.
  if (row.hold !== undefined) return { kind: 'again', row, outcome, due: now + 1, warn: false }
  if (outcome.hold !== undefined) return { kind: 'held', row, outcome, reason: printable(outcome.hold, MAX_TEXT) }
  const due = outcome.untried === true ? waited(row, outcome, facts) : byLadder(row, outcome, facts)
  if (due === undefined) {
    const late = deliverBy?.mode === 'return'
    return { kind: 'failed', row, outcome: late ? tooLate(row.row, outcome) : outcome, expired: !late }
  }
  // A look without an attempt warns too.
  const before = latest(row.last?.at, row.wait?.at)
  const warn = isTimeToWarn(received, before, now, timing.warnAfterMs)
  if (deliverBy?.mode !== 'notify') return { kind: 'again', row, outcome, due, warn }
  // RFC 2852 §4.1.3: the sender is told when the time is over, so an attempt is made then. What came too late is told of at once.
  const { at } = deliverBy
  const late = isTimeToWarn(received, before, now, [Math.max(at - received, 1)])
  const next = at > now ? Math.min(due, at) : due
  return { kind: 'again', row, outcome, due: next, warn: warn || late, ...(late ? { late } : {}) }
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)
}

function byLadder(row: QueueRow, outcome: Deferred, facts: JudgementFacts): number | undefined {
  const { now, received, timing, greylisted, random } = facts
  const quickMs = quickWait(outcome, row.tries, greylisted)
  const usual = nextTry({
    tries: row.tries,
    now,
    since: received,
    expires: row.expires,
    timing,
    random: random(),
    ...(quickMs === undefined ? {} : { quickMs }),
  })
  return laterOf(outcome, usual, row.expires)
}

/** Not by the ladder, as nothing was tried: when there may be room. Warnings come in time, and at its end there is one more look. */
function waited({ wait, expires }: QueueRow, { notBefore = 0 }: Deferred, facts: JudgementFacts): number | undefined {
  const { now, received, timing, random, suspended = false } = facts
  if (now >= expires) return undefined
  const waitedMs = now - (wait?.since ?? now)
  const spreadMs = suspended ? 0 : Math.min(Math.max(waitedMs * SPREAD, LEAST_SPREAD_MS), LONGEST_SPREAD_MS)
  const free = Math.max(Number.isFinite(notBefore) ? notBefore : 0, now + 1)
  const next = free + Math.round(random() * spreadMs)
  return Math.min(beforeWarning(next, now, received, timing.warnAfterMs), expires)
}

/** The target knows that an earlier attempt would be in vain; but the last one is made before the time is over. */
function laterOf({ notBefore: least = 0 }: Deferred, due: number | undefined, expires: number): number | undefined {
  if (due === undefined) return undefined
  return Number.isFinite(least) ? Math.max(due, Math.min(least, expires)) : due
}

/** RFC 2852 §4.1.3: the time the sender gave is over, or would be before the next attempt. RFC 3463 §3.5: X.4.7. */
export function tooLate(row: number, last?: Deferred): Failed {
  const { text, remote, reply } = last ?? {}
  return {
    kind: 'failed',
    row,
    status: '5.4.7',
    text: `not delivered within the time the sender gave${text === undefined ? '' : `: ${text}`}`,
    ...(remote === undefined ? {} : { remote }),
    ...(reply === undefined ? {} : { reply }),
  }
}

/** Its target would only have sent it on. */
function spamOnly({ row }: QueueRow): Deferred {
  return { kind: 'deferred', row, status: '4.7.1', text: 'mail taken for spam is not sent on, and no copy is kept' }
}

function missing(row: QueueRow): Outcome {
  return { kind: 'deferred', row: row.row, status: '4.3.0', text: 'the delivery ended without a result' }
}

/** Texts in one printable line; a status of the class that the kind says. */
function tidy<T extends Deferred | Failed>(outcome: T, klass: '4' | '5'): T {
  const wellFormed = new RegExp(`^${klass}\\.\\d{1,3}\\.\\d{1,3}$`).test(outcome.status)
  return {
    ...outcome,
    status: wellFormed ? outcome.status : `${klass}.0.0`,
    text: printable(outcome.text, MAX_TEXT),
    ...(outcome.reply === undefined ? {} : { reply: printable(outcome.reply, MAX_TEXT) }),
    ...(outcome.remote === undefined ? {} : { remote: printable(outcome.remote, 400) }),
    ...(outcome.source === undefined ? {} : { source: printable(String(outcome.source), 400) }),
  }
}
