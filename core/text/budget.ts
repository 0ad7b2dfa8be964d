/**
 * Budgets: at most so much in any window of time, to the millisecond, whoever asks when. What is kept is a short log of what was spent
 * and when; only a budget that is spent in many small pieces loses detail, and then what was spent counts from a little later, never
 * earlier. So the limit is never exceeded, and what one waits too long is a sixteenth of the window at most. Pure: time comes in.
 */

export interface BudgetTerms {
  readonly limit: number
  readonly windowMs: number
}

export interface BudgetSpending {
  readonly granted: boolean
  readonly used: number
  readonly waitMs: number
  /** What to keep, and until when; left out when nothing changed. */
  readonly keep?: { readonly value: string; readonly expires: number }
}

interface Spent {
  readonly at: number
  readonly amount: number
}

/** More entries than this and those of one slot become one; so a kept log has at most one more than slots. */
const SLOTS = 16

/**
 * `kept` is what an earlier call gave to keep; anything else counts as nothing. Amounts below 0 give back what was spent last.
 * Throws a RangeError for an amount that is no number.
 */
export function spendFrom(
  kept: string | undefined,
  amount: number,
  { limit, windowMs }: BudgetTerms,
  now: number,
): BudgetSpending {
  if (!Number.isFinite(amount)) throw new RangeError(`cannot spend ${amount}`)
  const log = counting(readLog(kept), windowMs, now)
  const used = log.reduce((sum, one) => sum + one.amount, 0)
  if (amount === 0) return { granted: true, used, waitMs: 0 }
  if (amount < 0) {
    const left = givenBack(log, -amount)
    return { granted: true, used: left.reduce((sum, one) => sum + one.amount, 0), waitMs: 0, keep: keep(left) }
  }
  if (used + amount > limit) return { granted: false, used, waitMs: waitFor(log, used + amount - limit) }
  // Another worker may have spent a moment later than our `now`: what comes later in the log is never earlier in time.
  const at = Math.max(now, log.at(-1)?.at ?? now)
  return { granted: true, used: used + amount, waitMs: 0, keep: keep(shortened([...log, { at, amount }], windowMs)) }

  /** Until so much of what counts now counts no more. */
  function waitFor(log: readonly Spent[], excess: number): number {
    if (amount > limit) return Number.POSITIVE_INFINITY
    let gone = 0
    for (const one of log) {
      gone += one.amount
      if (gone >= excess) return one.at + windowMs - now
    }
    return Number.POSITIVE_INFINITY
  }

  /** Until a quarter of a window boundary: a store that sorts by expiry need not move the entry at every spending. */
  function keep(log: readonly Spent[]): { readonly value: string; readonly expires: number } {
    const step = Math.max(1, Math.floor(windowMs / 4))
    const last = log.at(-1)
    return {
      value: writeLog(log),
      expires: last === undefined ? now : Math.ceil((last.at + windowMs) / step) * step,
    }
  }
}

/**
 * What still counts. An entry from further ahead than a window is of a clock that was set back since, and must lock nobody out; one from
 * nearer counts, and is over within two windows.
 */
function counting(log: readonly Spent[], windowMs: number, now: number): Spent[] {
  return log.filter(({ at }) => at > now - windowMs && at <= now + windowMs)
}

function givenBack(log: readonly Spent[], amount: number): Spent[] {
  let left = amount
  return log
    .toReversed()
    .flatMap(one => {
      const taken = Math.min(left, one.amount)
      left -= taken
      return one.amount > taken ? [{ at: one.at, amount: one.amount - taken }] : []
    })
    .reverse()
}

/** Entries of one slot become one, which counts as long as its last. */
function shortened(log: readonly Spent[], windowMs: number): readonly Spent[] {
  if (log.length <= SLOTS + 1) return log
  const slot = ({ at }: Spent) => Math.floor((at * SLOTS) / windowMs)
  const short: Spent[] = []
  for (const one of log) {
    const last = short.at(-1)
    if (last !== undefined && slot(last) === slot(one))
      short[short.length - 1] = { at: one.at, amount: last.amount + one.amount }
    else short.push(one)
  }
  return short
}

/** The first time, then pairs of amount and distance: `1766330000000 1 250 3` is 1 then, and 3 a quarter of a second later. */
function writeLog(log: readonly Spent[]): string {
  let before = 0
  return log
    .map(({ at, amount }) => {
      const text = `${at - before} ${amount}`
      before = at
      return text
    })
    .join(' ')
}

function readLog(kept: string | undefined): readonly Spent[] {
  if (kept === undefined || kept === '') return []
  const numbers = kept.split(' ', 4 * SLOTS).map(Number)
  const log: Spent[] = []
  let at = 0
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    const [distance, amount] = [numbers[i]!, numbers[i + 1]!]
    at += distance
    if (!Number.isFinite(at) || distance < 0 || !(amount > 0) || amount === Number.POSITIVE_INFINITY) return []
    log.push({ at, amount })
  }
  return log
}
