/**
 * Whether a list is one (RFC 5782 §5): its test entry must be there, and the entry that must not be there must not. Otherwise a list
 * that has died, changed hands or answers everything would refuse everybody's mail.
 */
import type { Resolver } from 'posthouse/api'
import { reversedLabels } from 'posthouse/text'
import type { List } from './config.js'
import { lookUp } from './lookup.js'

export type Family = 'ipv4' | 'ipv6'

export type State = 'healthy' | 'wrong' | 'silent'

/** What is known of a list, shared by all workers. */
export interface Health {
  readonly state: State
  readonly why?: string
  /** Milliseconds since the epoch: the state has been so since; it was tested last. */
  readonly since: number
  readonly checked: number
  /** Tests in a row that came out so. */
  readonly times: number
  /** The house was told of it. */
  readonly told: boolean
}

// RFC 5782 §5: 127.0.0.2 and ::FFFF:7F00:2 are always listed, 127.0.0.1 and ::FFFF:7F00:1 never.
const ENTRIES: Readonly<Record<Family, { readonly listed: string; readonly clear: string }>> = {
  ipv4: { listed: reversedLabels('127.0.0.2')!, clear: reversedLabels('127.0.0.1')! },
  ipv6: { listed: mapped('02'), clear: mapped('01') },
}

/** `::ffff:127.0.0.X` in nibbles, which no address of IPv4 becomes elsewhere. */
function mapped(last: '01' | '02'): string {
  const hex = `${'0'.repeat(20)}ffff7f0000${last}`
  return [...hex].reverse().join('.')
}

export async function testList(
  dns: Resolver,
  list: List,
  family: Family,
  signal: AbortSignal,
): Promise<Pick<Health, 'state' | 'why'>> {
  const { listed, clear } = ENTRIES[family]
  const [there, gone] = await Promise.all([lookUp(dns, list, listed, signal), lookUp(dns, list, clear, signal)])
  // A list that refuses our queries answers, and will go on refusing; one that is silent may come back any moment.
  for (const { kind, ...more } of [there, gone]) {
    if (kind !== 'unknown' || !('why' in more)) continue
    return { state: more.why.startsWith('query refused') ? 'wrong' : 'silent', why: more.why }
  }
  if (there.kind === 'clear') return { state: 'wrong', why: 'its test entry 127.0.0.2 is not listed' }
  if (gone.kind === 'listed') return { state: 'wrong', why: 'it lists 127.0.0.1, and so probably everything' }
  return { state: 'healthy' }
}

/** The next record, and whether it is news. */
export function nextHealth(
  before: Health | undefined,
  found: Pick<Health, 'state' | 'why'>,
  now: number,
): { readonly health: Health; readonly changed: boolean } {
  const changed = before?.state !== found.state
  const health = {
    ...found,
    since: changed || before === undefined ? now : before.since,
    checked: now,
    times: changed || before === undefined ? 1 : before.times + 1,
    told: changed || before === undefined ? false : before.told,
  }
  return { health, changed }
}

/** Silence may be ours, and pass: of that the house is told when it stays. */
export function worthTelling({ state, times, told }: Health): boolean {
  return !told && (state === 'wrong' || (state === 'silent' && times >= 3))
}

export function isDue(health: Health | undefined, everyMs: number, recheckMs: number, now: number): boolean {
  if (health === undefined || health.checked > now) return true
  return now - health.checked >= (health.state === 'healthy' ? everyMs : recheckMs)
}

/** `undefined`: nothing that was written here. */
export function readHealth(text: string): Health | undefined {
  try {
    const { state, since, checked, times, told, why } = JSON.parse(text) as { readonly [K in keyof Health]?: unknown }
    if (state !== 'healthy' && state !== 'wrong' && state !== 'silent') return undefined
    if (typeof since !== 'number' || typeof checked !== 'number') return undefined
    return {
      state,
      since,
      checked,
      times: typeof times === 'number' ? times : 1,
      told: told === true,
      ...(typeof why === 'string' ? { why } : {}),
    }
  } catch {
    return undefined
  }
}
