/**
 * When a recipient that could not be served is tried again, and when the sender is told of the delay. Pure: time and chance are arguments.
 * Which of several schedules is meant is the matter of `lane-rules.ts`.
 */

/** The schedule of one job. */
export interface Timing {
  /** The ladder of waits; its last step repeats. */
  readonly retryMs: readonly number[]
  /** Ages at which the sender is told that the mail is late. */
  readonly warnAfterMs: readonly number[]
  /** Waits differ by up to this part either way, so that mail that failed together does not come back together. Default: a tenth. */
  readonly jitter?: number
}

export interface Trial {
  /** Attempts before the one that has just failed. */
  readonly tries: number
  readonly now: number
  /** Since when it could be delivered. */
  readonly since: number
  readonly expires: number
  readonly timing: Timing
  /** In [0, 1). */
  readonly random: number
  /** The peer greylists, and this is how long to wait for it. */
  readonly quickMs?: number
}

const JITTER = 0.1
/** So soon after an attempt none is made for the sake of a warning. */
const LEAST_MS = 60_000

/** An attempt is also made when it is time to warn: the sender is told then. `undefined`: the next would come too late, give up now. */
export function nextTry({ tries, now, since, expires, timing, random, quickMs }: Trial): number | undefined {
  const { retryMs, warnAfterMs, jitter = JITTER } = timing
  const wait =
    quickMs === undefined
      ? (retryMs[stepOf(tries, now - since, timing)] ?? 0) * (1 - jitter + 2 * jitter * random)
      : // Who comes too early is sent away once more: only later is near enough.
        quickMs * (1 + jitter * random)
  const next = now + Math.round(wait)
  if (next > expires) return undefined
  return beforeWarning(next, now, since, warnAfterMs)
}

/** `next`, or the time to warn when that comes first. */
export function beforeWarning(next: number, now: number, since: number, warnAfterMs: readonly number[]): number {
  const warnings = warnAfterMs.map(age => since + age).filter(at => at > now)
  return Math.min(next, ...warnings.map(at => Math.max(at, now + LEAST_MS)))
}

/**
 * Steps are climbed by attempts, but no faster than by age: quick tries and those that an admin or a client has asked for do not make the
 * waits longer than the mail is old. What was first tried late, after a hold, begins at the first step.
 */
function stepOf(tries: number, age: number, { retryMs, jitter = JITTER }: Trial['timing']): number {
  const last = retryMs.length - 1
  let step = 0
  for (let reached = 0; step < Math.min(tries, last); step += 1) {
    reached += retryMs[step]! * (1 - jitter)
    if (reached > age) break
  }
  return step
}

/** Whether an age to warn at was reached since the attempt before, so that each step of the list warns once. */
export function isTimeToWarn(
  received: number,
  lastAttempt: number | undefined,
  now: number,
  warnAfterMs: readonly number[],
): boolean {
  return warnAfterMs.some(age => received + age <= now && (lastAttempt ?? received) < received + age)
}
