/** How much an account may send, and exceptions for those who send more. Pure. */
import type { Budget } from 'posthouse/api'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const LIMIT = { type: 'integer', minimum: 0, maximum: 10_000_000 } as const

export const LIMITS = {
  messages_per_hour: { ...LIMIT, description: 'messages to other domains; 0: no limit' },
  messages_per_day: { ...LIMIT, description: 'the same, per day' },
  new_recipients_per_hour: { ...LIMIT, description: 'people it has not written to before; 0: no limit' },
  new_recipients_per_day: { ...LIMIT, description: 'the same, per day' },
} as const

export type LimitName = keyof typeof LIMITS
export type Limits = { readonly [K in LimitName]: number }

export interface LimitKind {
  readonly name: LimitName
  readonly windowMs: number
  readonly counts: 'messages' | 'recipients'
  /** For people. */
  readonly says: string
}

/** The longer ones first: what is not granted by the day need not be taken from the hour. */
export const KINDS: readonly LimitKind[] = [
  { name: 'messages_per_day', windowMs: DAY_MS, counts: 'messages', says: 'messages a day' },
  { name: 'messages_per_hour', windowMs: HOUR_MS, counts: 'messages', says: 'messages an hour' },
  { name: 'new_recipients_per_day', windowMs: DAY_MS, counts: 'recipients', says: 'new recipients a day' },
  { name: 'new_recipients_per_hour', windowMs: HOUR_MS, counts: 'recipients', says: 'new recipients an hour' },
]

/** `undefined`: no limit. */
export function budgetOf({ name, windowMs }: LimitKind, limits: Limits): Budget | undefined {
  return limits[name] === 0 ? undefined : { limit: limits[name], windowMs }
}

/** The general limits, with those of the account in their place. */
export function limitsBy(
  general: Limits,
  accounts: Readonly<Record<string, Partial<Limits>>>,
): (login: string) => Limits {
  const own = new Map(Object.entries(accounts).map(([login, limits]) => [login.toLowerCase(), limits]))
  return login => ({ ...general, ...own.get(login.toLowerCase()) })
}
