/** What an attempt says of its destination, apart from what it says of the mail. Pure. */
import type { Outcome, ReplyAction } from '../../api/index.js'
import type { Heard } from './flow.js'

export interface News {
  /** Left out: it says nothing of the destination. */
  readonly heard?: Heard
  /** Why, in its own words. */
  readonly why: string
  /** The longest that a rule about replies asks for. */
  readonly suspendMs?: number
  readonly rule?: string
}

export function newsOf(outcomes: readonly Outcome[], actions: ReadonlyMap<number, ReplyAction>): News {
  const kinds = outcomes.map(one => heardOf(one, actions.get(one.row)))
  const heard = (['bad', 'good', 'nobody'] as const).find(kind => kinds.includes(kind))
  const told = outcomes[heard === undefined ? 0 : kinds.indexOf(heard)]
  const longest = outcomes
    .filter(one => actions.get(one.row)?.suspendMs !== undefined)
    .sort((a, b) => actions.get(b.row)!.suspendMs! - actions.get(a.row)!.suspendMs!)[0]
  const asks = longest ?? told
  return {
    ...(heard === undefined ? {} : { heard }),
    why: asks !== undefined && 'text' in asks ? asks.text : '',
    ...(longest === undefined ? {} : { suspendMs: actions.get(longest.row)!.suspendMs! }),
    ...(asks !== undefined && 'rule' in asks && asks.rule !== undefined ? { rule: asks.rule } : {}),
  }
}

function heardOf(outcome: Outcome, action: ReplyAction | undefined): Heard | undefined {
  if (outcome.kind === 'filed') return undefined
  if (outcome.kind === 'delivered') return 'good'
  if (outcome.kind === 'deferred' && outcome.untried) return undefined
  const { stage, reply, status } = outcome
  // Without a reply it was a limit of our own.
  if (reply !== undefined && (action?.slowDown === true || (outcome.class === 'rate-limited' && !isOfOne(action))))
    return 'bad'
  // It wants to see us again: that is an answer, also in a greeting.
  if (reply !== undefined && outcome.class === 'greylisted') return 'good'
  if (outcome.kind === 'deferred' && (stage === 'connect' || (reply === undefined && status === '4.4.1')))
    return 'nobody'
  // It has talked to us, whatever it said.
  if (reply !== undefined) return 'good'
  return outcome.class === 'unreachable' && outcome.kind === 'deferred' ? 'bad' : undefined
}

/** A rule that only lets this recipient wait means one of many. */
function isOfOne(action: ReplyAction | undefined): boolean {
  return action?.retryAfterMs !== undefined && action.suspendMs === undefined
}
