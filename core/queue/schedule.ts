/**
 * When a recipient that could not be served is tried again, and when the sender is told of the delay. Pure: time and chance are arguments.
 */

export interface Schedule {
  /** The ladder of waits; its last step repeats. */
  readonly retryMs: readonly number[]
  /** Ages at which the sender is told that the mail is late. */
  readonly warnAfterMs: readonly number[]
}

/** Waits differ by up to a tenth either way, so that mail that failed together does not come back together. */
const JITTER = 0.1

/**
 * `tries` counts the attempts before the one that has just failed; `random` is in [0, 1). `undefined`: the next attempt would come too
 * late, give up now.
 */
export function nextTry(
  tries: number,
  now: number,
  expires: number,
  retryMs: readonly number[],
  random: number,
): number | undefined {
  const wait = retryMs[Math.min(tries, retryMs.length - 1)] ?? 0
  const next = now + Math.round(wait * (1 - JITTER + 2 * JITTER * random))
  return next > expires ? undefined : next
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
