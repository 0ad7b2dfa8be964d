/**
 * What failed log-ins cost: pure arithmetic over what the ledger has counted. Who is known here (this account has logged in from this
 * network) answers only for what went wrong between the two; a stranger to the account answers for the network and the account too.
 * The reasons stand in docs/decisions/0015-guessing-passwords.md.
 */
import type { Lock, LockKind, Standing } from './ledger.js'

export interface Settings {
  readonly mostDelayMs: number
  /** Failures of the kind that bring a lock. */
  readonly limits: Readonly<Record<LockKind, number>>
  readonly firstLockMs: number
  readonly longestLockMs: number
}

export type Judgement =
  | { readonly kind: 'locked'; readonly lock: Lock }
  /** `space`: log-ins that share it come one after the other, `delayMs` apart. */
  | { readonly kind: 'open'; readonly delayMs: number; readonly space: 'pair' | 'network' }

const DOUBLINGS = 20
const HOUR_MS = 3_600_000

export function judge({ known, locks, failures }: Standing, settings: Settings): Judgement {
  const lock =
    locks.pair ??
    (known === 'network' ? undefined : locks.network) ??
    (known === 'stranger' ? (locks.range ?? locks.account) : undefined)
  if (lock !== undefined) return { kind: 'locked', lock }
  if (known === 'network')
    return { kind: 'open', delayMs: delayAfter(failures.pair, settings.mostDelayMs), space: 'pair' }
  const seen = Math.max(failures.pair, failures.network, known === 'stranger' ? failures.account : 0)
  return { kind: 'open', delayMs: delayAfter(seen, settings.mostDelayMs), space: 'network' }
}

/** 0, 1 s, 2 s, 4 s … */
export function delayAfter(failures: number, mostMs: number): number {
  return failures < 1 ? 0 : Math.min(mostMs, 1000 * 2 ** Math.min(failures - 1, DOUBLINGS))
}

/** The first, then four times as long each time. What may hit the owner of the account is never long. */
export function lockMsAfter(kind: LockKind, strikes: number, { firstLockMs, longestLockMs }: Settings): number {
  const most = kind === 'network' || kind === 'range' ? longestLockMs : Math.min(longestLockMs, HOUR_MS)
  return Math.min(most, firstLockMs * 4 ** Math.min(strikes - 1, DOUBLINGS))
}
