/** Hands on what a sender asked of everybody who carries the message: from envelope to stored message, from there to job. Pure. */
import type { Wishes } from '../api/index.js'

type Open = { -readonly [K in keyof Wishes]: Wishes[K] }

/** Only these, and only those that are there: stores keep what they are given. */
export function addWishes(to: Open, { requireTls, deliverBy, holdUntil, holdAsked, priority }: Wishes): void {
  if (requireTls === true) to.requireTls = requireTls
  if (deliverBy !== undefined) to.deliverBy = deliverBy
  if (holdUntil !== undefined) to.holdUntil = holdUntil
  if (holdAsked !== undefined) to.holdAsked = holdAsked
  if (priority !== undefined) to.priority = priority
}

export function wishesOf(from: Wishes): Wishes {
  const wishes: Open = {}
  addWishes(wishes, from)
  return wishes
}

/** When a recipient is first tried, and when given up. */
export function timesOf(
  { deliverBy, holdUntil }: Wishes,
  now: number,
  expireMs: number,
): { due: number; expires: number } {
  // RFC 4865 §4.2: what waits for its time is not late yet, so the clock of the queue starts then.
  const due = Math.max(now, holdUntil ?? 0)
  const expires = due + expireMs
  // RFC 2852 §4.1.3: after that time it goes back.
  return { due, expires: deliverBy?.mode === 'return' ? Math.min(expires, deliverBy.at) : expires }
}
