/**
 * How much a destination, or one of our addresses, gets in a window of time: messages, recipients, octets, connections. Counted by `State.spend`, so
 * over all workers and over restarts. Of several limits either all are charged or none.
 */
import type { Budget, Clock, Log, State } from '../../api/index.js'

export const RATE_KINDS = ['messages', 'recipients', 'bytes', 'connections'] as const
export type RateKind = (typeof RATE_KINDS)[number]
export type Rates = Readonly<Partial<Record<RateKind, Budget>>>

export const RATES = 'delivery/rate/'

export interface Charge {
  readonly kind: RateKind
  readonly amount: number
}

/** `undefined`: there was room. */
export interface Short {
  readonly kind: RateKind
  readonly waitMs: number
}

/** When the state does not answer. */
const TROUBLE_MS = 1000
/** What has been found to be used up is asked again after this at the latest. */
const LONGEST_MS = 60_000

export interface RateDeps {
  readonly state: Pick<State, 'spend'> | undefined
  readonly clock: Clock
  readonly log: Log
}

export async function charge(
  deps: RateDeps,
  key: string,
  rates: Rates,
  charges: readonly Charge[],
): Promise<Short | undefined> {
  const { state, clock, log } = deps
  if (state === undefined) return undefined
  const now = clock.now()
  const charged: Charge[] = []
  const spend = (kind: RateKind, amount: number) => state.spend(`${RATES}${kind}/${key}`, amount, rates[kind]!, now)
  try {
    for (const one of charges) {
      const budget = rates[one.kind]
      if (budget === undefined) continue
      // What is larger than the limit would never come to its turn: it takes all of it.
      const amount = Math.min(one.amount, budget.limit)
      const { granted, waitMs } = await spend(one.kind, amount)
      if (!granted) {
        for (const { kind, amount: back } of charged) await spend(kind, -back)
        return { kind: one.kind, waitMs: Math.min(Math.max(waitMs, 1), LONGEST_MS) }
      }
      charged.push({ kind: one.kind, amount })
    }
    return undefined
  } catch (error) {
    log.warn({ err: error, key }, 'rates cannot be counted')
    return { kind: charges[0]!.kind, waitMs: TROUBLE_MS }
  }
}

/** What was charged and then not used. Never rejects: too little is sent then, never too much. */
export async function giveBack(
  { state, clock, log }: RateDeps,
  key: string,
  rates: Rates,
  charges: readonly Charge[],
): Promise<void> {
  try {
    for (const { kind, amount } of charges) {
      const budget = rates[kind]
      if (budget !== undefined)
        await state?.spend(`${RATES}${kind}/${key}`, -Math.min(amount, budget.limit), budget, clock.now())
    }
  } catch (error) {
    log.warn({ err: error, key }, 'rates cannot be counted')
  }
}

/** What is used of each, for people. */
export async function usedOf(
  state: Pick<State, 'spend'> | undefined,
  key: string,
  rates: Rates,
  now: number,
): Promise<readonly { readonly kind: RateKind; readonly budget: Budget; readonly used: number }[]> {
  const found = []
  for (const kind of RATE_KINDS) {
    const budget = rates[kind]
    if (budget === undefined) continue
    const used = (await state?.spend(`${RATES}${kind}/${key}`, 0, budget, now))?.used ?? 0
    found.push({ kind, budget, used })
  }
  return found
}
