/**
 * How long an answer is held back, and for whom. The delay grows with what a session has been refused, never beyond a bound; only so many
 * sessions may be slowed at the same time, in all workers together: a tarpit that holds every connection would be ours to sit in.
 */
import { asFarAsKnown, type Call, type Clock, type Session, type State } from 'posthouse/api'

export interface DelayTerms {
  /** Refusals that cost nothing. */
  readonly free: number
  /** What each further one adds. */
  readonly stepMs: number
  readonly mostMs: number
  /** Sessions with one of these are slowed from the first command on. */
  readonly labels: readonly string[]
}

export interface TarpitParts extends DelayTerms {
  readonly state: State
  readonly clock: Clock
  readonly atOnce: number
  readonly count: (name: 'slowed' | 'full') => void
  /** Resolves after so long, or when the signal fires. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Pure. */
export function delayFor({ refused, labels }: Pick<Session, 'refused' | 'labels'>, terms: DelayTerms): number {
  const labelled = terms.labels.some(label => labels.has(label)) ? 1 : 0
  const counted = labelled + Math.max(0, refused.commands - terms.free)
  return Math.min(terms.mostMs, counted * terms.stepMs)
}

/** Answers nothing, late. */
export async function slowDown(session: Session, parts: TarpitParts, call: Call): Promise<undefined> {
  const ms = delayFor(session, parts)
  if (ms === 0) return undefined
  if (call.observed === true) {
    call.log.info({ remote: session.remote.address, ms, refused: session.refused.commands }, 'would have slowed down')
    return undefined
  }
  const place = await asFarAsKnown(call.log, 'tarpit', () =>
    parts.state.enter('slowed', parts.atOnce, parts.clock.now()),
  )
  if (place === undefined) {
    parts.count('full')
    return undefined
  }
  try {
    parts.count('slowed')
    await parts.pause(ms, call.signal)
  } finally {
    await asFarAsKnown(call.log, 'tarpit', () => place.leave())
  }
  return undefined
}
