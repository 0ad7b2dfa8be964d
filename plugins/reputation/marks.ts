/**
 * What users say of messages by moving them into and out of Junk. A message counts once for an account, the last word is what counts, and one account says
 * only so much of anybody: whoever marks all day moves no more than a few others do.
 */
import type { Clock, Marking, State } from 'posthouse/api'
import type { Terms } from './config.js'
import { historyKey, markKey, shareKey } from './keys.js'
import type { Amounts, Ledger } from './ledger.js'
import { type Class, type Remembered, readOrigin } from './origin-field.js'

export interface MarkParts {
  readonly ledger: Ledger
  readonly state: State
  readonly clock: Clock
  readonly terms: Terms
}

type Says = Marking['says']

/** Of one account about one identity, as whole words, before they fade. */
const MOST_WORDS = 3
const DAY_MS = 86_400_000
const REMEMBER_MS = 180 * DAY_MS
/** Less counts for nothing. */
const LEAST = 0.05

/** What was said last of a message, and how much it counted for each of its identities, in the order of the field. */
interface Mark {
  readonly says: Says
  readonly weights: readonly number[]
}

/** Whether it counted. One after the other: two words about one message must not pass each other. */
export async function learnMark(parts: MarkParts, { accountId, emailId, prefix, says, by }: Marking): Promise<boolean> {
  const { ledger, state, clock, terms } = parts
  const origin = readOrigin(prefix)
  if (origin === undefined || origin.identities.length === 0) return false
  const now = clock.now()
  const key = markKey(accountId, emailId)
  const before = readMark(await state.get(key, now))
  if (before?.says === says) return false
  // Some mail programs mark so, unasked, whatever their own filter lets pass.
  if (before === undefined && by === 'keyword' && says === 'not-junk' && origin.class !== 'spam') return false
  const { granted } = await state.spend(`marks/${accountId}`, 1, { limit: terms.marksPerDay, windowMs: DAY_MS }, now)
  if (!granted) return false
  const weights = before?.weights ?? (await weightsFor(parts, origin, accountId))
  const faded = 0.5 ** (Math.max(0, now - origin.at) / terms.history.halfLifeMs)
  const old = before === undefined ? {} : effectOf(before.says, origin.class, faded)
  const change = difference(effectOf(says, origin.class, faded), old)
  for (const [at, identity] of origin.identities.entries()) {
    const weight = weights[at] ?? 0
    if (weight < LEAST) continue
    ledger.count(historyKey(identity), scaled(change, weight), terms.history)
    if (before === undefined) await state.tally(shareKey(identity, accountId), { said: weight }, terms.history, now)
  }
  await state.put(key, `${says} ${weights.map(one => one.toFixed(3)).join(' ')}`, now + REMEMBER_MS)
  return true
}

/** A message that was counted as ham is not, once its reader says so; what they say counts beside that. */
export function effectOf(says: Says, counted: Class, faded: number): Amounts {
  if (says === 'junk') {
    if (counted === 'spam') return {}
    return counted === 'ham' ? { ham: -faded, junked: 1 } : { junked: 1 }
  }
  if (counted === 'ham') return {}
  return counted === 'spam' ? { spam: -faded, rescued: 1 } : { rescued: 1 }
}

async function weightsFor(
  { ledger, terms }: MarkParts,
  { identities }: Remembered,
  accountId: string,
): Promise<readonly number[]> {
  const shares = await Promise.all(identities.map(one => ledger.read(shareKey(one, accountId), terms.history)))
  return shares.map(share => Math.max(0, Math.min(1, MOST_WORDS - (share?.sums.get('said') ?? 0))))
}

function difference(after: Amounts, before: Amounts): Amounts {
  const names = new Set([...Object.keys(after), ...Object.keys(before)])
  return Object.fromEntries([...names].map(name => [name, (after[name] ?? 0) - (before[name] ?? 0)]))
}

function scaled(amounts: Amounts, by: number): Amounts {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, amount * by]))
}

function readMark(kept: string | undefined): Mark | undefined {
  const [says, ...weights] = kept?.split(' ') ?? []
  if (says !== 'junk' && says !== 'not-junk') return undefined
  return { says, weights: weights.map(one => Number(one) || 0) }
}
