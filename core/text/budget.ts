/**
 * Budgets that fill up again: at most so much in any window of time. Two counts stand for the window that slides (this one and the one
 * before, the latter weighed by how much of it still counts), so a budget costs a few octets however much is spent. Pure: time comes in.
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

/** `kept` is what an earlier call gave to keep; anything else counts as nothing. Amounts below 0 give back. */
export function spendFrom(
  kept: string | undefined,
  amount: number,
  { limit, windowMs }: BudgetTerms,
  now: number,
): BudgetSpending {
  const start = Math.floor(now / windowMs) * windowMs
  const { current, before } = countsAt(kept, start, windowMs)
  const share = 1 - (now - start) / windowMs
  const used = current + before * share
  if (amount > 0 && used + amount > limit) return { granted: false, used, waitMs: waitFor(amount) }
  if (amount === 0) return { granted: true, used, waitMs: 0 }
  const sum = Math.max(0, current + amount)
  const keep = { value: `${start} ${sum} ${before}`, expires: start + 2 * windowMs }
  return { granted: true, used: used + amount, waitMs: 0, keep }

  /** In this window the past wanes; in the next one what is spent now does. */
  function waitFor(wanted: number): number {
    if (wanted > limit) return Number.POSITIVE_INFINITY
    const room = limit - wanted
    if (current <= room && before > 0) {
      const at = start + windowMs * (1 - (room - current) / before)
      return Math.max(1, Math.ceil(at - now))
    }
    const next = start + windowMs
    return Math.max(1, Math.ceil(next + windowMs * (1 - room / current) - now))
  }
}

function countsAt(kept: string | undefined, start: number, windowMs: number) {
  const [at, current, before] = (kept ?? '').split(' ').map(Number)
  if (at === undefined || current === undefined || before === undefined) return { current: 0, before: 0 }
  // a clock set back must not lock anybody out
  if (at >= start) return { current, before }
  if (at === start - windowMs) return { current: 0, before: current }
  return { current: 0, before: 0 }
}
