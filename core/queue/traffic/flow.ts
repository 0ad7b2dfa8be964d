/**
 * How many deliveries at once a destination gets: more while it takes them, half after trouble, none for a while when nobody answers. Pure.
 * One round of trouble counts once, however many deliveries were in it; and after it growth takes twice as many successes as before, so that the
 * number does not swing. A destination is dead when attempts for five messages in a row found nobody; then one probes after each pause. With
 * fewer messages there is nothing to spare, and each keeps its own schedule.
 */

export interface Flow {
  /** Deliveries at once, now. */
  readonly window: number
  /** Successes towards the next one more; below 0 after trouble. */
  readonly credit: number
  /** Rounds of trouble: an attempt that began before the last one does not count again. */
  readonly round: number
  /** Messages whose attempts found nobody, without one that found somebody between. */
  readonly missed: readonly string[]
  /** Pauses in a row. */
  readonly pauses: number
}

export interface FlowTerms {
  /** As configured. */
  readonly most: number
  readonly least: number
  /** Waits after which a dead destination is tried again; the last repeats. */
  readonly pausesMs: readonly number[]
}

/** `good`: it talked to us; `bad`: it wants less; `nobody`: nobody answered. */
export type Heard = 'good' | 'bad' | 'nobody'

/** As Postfix begins; a small limit is tried at once. */
const START = 5
/** So many messages that found nobody make a destination dead. */
const COHORT = 5

export function freshFlow({ most }: Pick<FlowTerms, 'most'>): Flow {
  const window = Math.min(most, START)
  return { window, credit: 0, round: 0, missed: [], pauses: 0 }
}

/** `began`: the round in which the attempt began; `id`: of its message. `pauseMs`: the destination is dead, and is left alone for so long. */
export function flowAfter(
  flow: Flow,
  heard: Heard,
  began: number,
  id: string,
  terms: FlowTerms,
): { readonly flow: Flow; readonly pauseMs?: number } {
  if (heard === 'good') return { flow: grown({ ...flow, missed: [], pauses: 0 }, terms) }
  const less = began < flow.round ? flow : shrunk(flow, terms)
  if (heard === 'bad') return { flow: { ...less, missed: [] } }
  const missed = flow.missed.includes(id) ? flow.missed : [...flow.missed, id]
  if (missed.length < COHORT && flow.pauses === 0) return { flow: { ...less, missed } }
  // Whoever was under way when it was found dead adds nothing to that.
  if (flow.pauses > 0 && began < flow.round) return { flow: less }
  const { pausesMs } = terms
  const pauseMs = pausesMs[Math.min(flow.pauses, pausesMs.length - 1)] ?? 0
  return { flow: { ...less, window: terms.least, round: flow.round + 1, missed: [], pauses: flow.pauses + 1 }, pauseMs }
}

function grown(flow: Flow, { most }: FlowTerms): Flow {
  const window = Math.min(flow.window, most)
  const credit = flow.credit + 1
  if (window >= most) return { ...flow, window, credit: 0 }
  return credit >= window ? { ...flow, window: window + 1, credit: 0 } : { ...flow, window, credit }
}

function shrunk(flow: Flow, { least }: FlowTerms): Flow {
  const window = Math.max(least, Math.floor(flow.window / 2))
  return { ...flow, window, credit: -window, round: flow.round + 1 }
}

/** Nothing that need be remembered: as in the beginning, with nowhere to grow. */
export function isFresh({ missed, pauses, window }: Flow, { most }: Pick<FlowTerms, 'most'>): boolean {
  return missed.length === 0 && pauses === 0 && window === most && most <= START
}
