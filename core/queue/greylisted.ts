/**
 * Peers that greylist want to see us again soon: their deferral is known by its words, and often names the wait. Pure.
 */
import type { Outcome } from '../api/index.js'

/** How such peers are treated. */
export interface Greylisted {
  /** Waits of the first attempts, however the ladder begins. */
  readonly retryMs: readonly number[]
  /** A wait that a peer names is kept up to this. */
  readonly longestMs: number
  /** Lower case; one of them stands in the reply. */
  readonly words: readonly string[]
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000 } as const
/** `in 300 seconds`, `retry=5m`, `after 1 hour` */
const WAIT =
  /\b(?:in|after|for|wait|within|retry|another)[ :=]{1,3}(?:(?:about|another|at least) )?(\d{1,6}) ?(s|m|h)(?:ec(?:ond)?s?|in(?:ute)?s?|ours?|rs?)?\b/
/** milter-greylist: `come back in 00:05:00` */
const CLOCK = /\b(?:in|after) (\d{1,2}):([0-5]\d):([0-5]\d)\b/
/** A word of a minute or less is rounded up to this. */
const LEAST_MS = 30_000

/** `undefined`: no greylisting, or tried quickly often enough: the ladder says when. */
export function quickWait(
  outcome: Extract<Outcome, { kind: 'deferred' }>,
  tries: number,
  greylisted: Greylisted | undefined,
): number | undefined {
  const wait = greylisted?.retryMs[tries]
  if (greylisted === undefined || wait === undefined || !looksGreylisted(outcome, greylisted.words)) return undefined
  const named = namedWait(outcome.reply!)
  return named === undefined ? wait : Math.min(Math.max(named, LEAST_MS), greylisted.longestMs)
}

/** RFC 6647 §5: 421 or 450; 451 is seen as well. Enhanced codes differ, so words decide. */
function looksGreylisted(outcome: Extract<Outcome, { kind: 'deferred' }>, words: readonly string[]): boolean {
  const { reply } = outcome
  if (reply === undefined || !/^4(?:21|50|51)\b/.test(reply)) return false
  if (outcome.class === 'greylisted') return true
  const said = reply.toLowerCase()
  return words.some(word => said.includes(word))
}

function namedWait(reply: string): number | undefined {
  const said = reply.toLowerCase()
  const clock = CLOCK.exec(said)
  if (clock !== null) return Number(clock[1]) * UNITS.h + Number(clock[2]) * UNITS.m + Number(clock[3]) * UNITS.s
  const found = WAIT.exec(said)
  return found === null ? undefined : Number(found[1]) * UNITS[found[2] as keyof typeof UNITS]
}
