/** When a certificate is ordered, and when again after a failure. Pure. */
import { createHash } from 'node:crypto'
import type { CertificateFacts } from 'posthouse/text'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Authorities count failures: Let's Encrypt allows five an hour for one name. */
const LADDER = [15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY] as const
const EARLY_MS = 30 * DAY

/**
 * When two thirds of its life are over, but no more than 30 days before its end; up to a twentieth of its life earlier, so that not all
 * servers that began on one day come on one day. The same for the same certificate, whoever asks.
 */
export function renewAt({
  from,
  until,
  fingerprint,
}: Pick<CertificateFacts, 'from' | 'until' | 'fingerprint'>): number {
  const life = until - from
  return Math.round(until - Math.min(EARLY_MS, life / 3) - (life / 20) * share(fingerprint))
}

/** After so many failures in a row; `random` from 0 to 1 spreads a quarter of it. */
export function retryWait(failures: number, random: number): number {
  const wait = LADDER[Math.min(failures, LADDER.length) - 1] ?? LADDER[0]
  return Math.round(wait * (1 + random / 4))
}

/** From 0 to 1, evenly. */
function share(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32
}

export interface Held {
  readonly facts: CertificateFacts
  /** Where it was ordered. */
  readonly directory: string | undefined
}

/** Why one is wanted now; nothing: what there is will do. */
export function dueFor(
  held: Held | undefined,
  wanted: { readonly names: readonly string[]; readonly directory: string },
  now: number,
): 'none' | 'names' | 'directory' | 'time' | undefined {
  if (held === undefined) return 'none'
  if (wanted.names.some(name => !held.facts.names.includes(name))) return 'names'
  if (held.directory !== wanted.directory) return 'directory'
  return now >= renewAt(held.facts) ? 'time' : undefined
}
