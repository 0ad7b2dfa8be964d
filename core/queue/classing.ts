/**
 * From what a target says to what it means: a class for every outcome that is not a delivery, and what the rule about it wants done.
 * The rule it keeps: rules change when and how often we try, never whether something was delivered; and what an admin has decided is not classed.
 */
import type { Log, Outcome, Replies, ReplyAction } from '../api/index.js'

export interface Classing {
  readonly outcomes: readonly Outcome[]
  /** By row. */
  readonly actions: ReadonlyMap<number, ReplyAction>
}

const NOTHING: Classing['actions'] = new Map()

export async function classed(
  replies: Pick<Replies, 'classify'> | undefined,
  outcomes: readonly Outcome[],
  now: number,
  log: Log,
): Promise<Classing> {
  if (replies === undefined || outcomes.every(one => one.kind === 'delivered' || one.kind === 'filed'))
    return { outcomes, actions: NOTHING }
  const actions = new Map<number, ReplyAction>()
  try {
    const found: Outcome[] = []
    for (const outcome of outcomes) found.push(await classedOne(replies, outcome, now, actions))
    return { outcomes: found, actions }
  } catch (error) {
    log.error({ err: error }, 'replies cannot be classed')
    return { outcomes, actions: NOTHING }
  }
}

async function classedOne(
  replies: Pick<Replies, 'classify'>,
  outcome: Outcome,
  now: number,
  actions: Map<number, ReplyAction>,
): Promise<Outcome> {
  if (outcome.kind === 'delivered' || outcome.kind === 'filed') return outcome
  if (outcome.kind === 'deferred' && outcome.hold !== undefined) return outcome
  const { reply, text, status, remote, stage } = outcome
  const found = await replies.classify({
    text: reply ?? text,
    status,
    ...(remote === undefined ? {} : { remote }),
    ...(reply === undefined ? { stage: 'none' as const } : stage === undefined ? {} : { stage }),
  })
  const rule = found.rule === undefined ? {} : { rule: found.rule }
  // Nobody has said anything, so there is nothing to act upon.
  if (outcome.kind === 'deferred' && outcome.untried) return { ...outcome, class: found.class, ...rule }
  if (found.action !== undefined) actions.set(outcome.row, found.action)
  const meant = treated(
    { ...outcome, class: found.class, ...rule },
    reply === undefined ? undefined : found.action?.treatAs,
  )
  const wait = found.action?.retryAfterMs
  if (meant.kind !== 'deferred' || wait === undefined) return meant
  return { ...meant, notBefore: Math.max(meant.notBefore ?? 0, now + wait) }
}

/** Only words of a peer are turned round: what we ourselves have found to be final is. */
function treated(outcome: Extract<Outcome, { kind: 'deferred' | 'failed' }>, as: ReplyAction['treatAs']) {
  const status = (digit: '4' | '5') => `${digit}${outcome.status.slice(1)}`
  if (as === 'permanent' && outcome.kind === 'deferred')
    return { ...outcome, kind: 'failed' as const, status: status('5') }
  if (as !== 'temporary' || outcome.kind !== 'failed') return outcome
  const { expired: _, ...rest } = outcome
  return { ...rest, kind: 'deferred' as const, status: status('4') }
}
