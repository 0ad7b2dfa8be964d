/**
 * Whether a list is one (RFC 5782 §5): its test entry must be there, and the entry that must not be there must not. Otherwise a list
 * that has died, changed hands or answers everything would refuse everybody's mail.
 */
import { isIP, isIPv6 } from 'node:net'
import type { Resolver } from 'posthouse/api'
import { reversedLabels } from 'posthouse/text'
import type { List } from './list.js'
import { lookUp } from './lookup.js'
import { type Entries, questionsTo, seenIn } from './question.js'

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

/** An entry that is asked for in a test, and what it is called. */
interface TestEntry {
  readonly label: string
  readonly text: string
}

interface TestEntries {
  /** Left out: nothing is known that the list must have. */
  readonly listed?: TestEntry
  readonly clear: TestEntry
}

/**
 * RFC 5782 §5: 127.0.0.2 and ::FFFF:7F00:2 are always listed, 127.0.0.1 and ::FFFF:7F00:1 never; of names TEST and INVALID. For hashes there is
 * no such rule, but what cannot exist must not be listed.
 */
const USUAL: Readonly<Record<Entries, TestEntries>> = {
  ipv4: {
    listed: { label: reversedLabels('127.0.0.2')!, text: '127.0.0.2' },
    clear: { label: reversedLabels('127.0.0.1')!, text: '127.0.0.1' },
  },
  ipv6: {
    listed: { label: mapped('02'), text: '127.0.0.2' },
    clear: { label: mapped('01'), text: '127.0.0.1' },
  },
  names: { listed: { label: 'test', text: 'test' }, clear: { label: 'invalid', text: 'invalid' } },
  hashes: { clear: { label: '', text: 'nobody@posthouse.invalid' } },
}

/** `::ffff:127.0.0.X` in nibbles, which no address of IPv4 becomes elsewhere. */
function mapped(last: '01' | '02'): string {
  const hex = `${'0'.repeat(20)}ffff7f0000${last}`
  return [...hex].reverse().join('.')
}

/** What config names in place of the usual entries; `undefined` for what the list cannot be asked about. */
export function testEntry(list: List, entries: Entries, text: string): TestEntry | undefined {
  // Test entries of names need not be names of the world.
  if (entries === 'names' && /^[a-z0-9.-]+$/i.test(text) && isIP(text) === 0) return { label: text.toLowerCase(), text }
  if ((entries === 'ipv4' || entries === 'ipv6') && (entries === 'ipv6') !== isIPv6(text)) return undefined
  const [question] = (seenIn(text) ?? []).flatMap(seen => questionsTo(list, seen))
  return question && { label: question.label, text }
}

function entriesOf(list: List, entries: Entries): TestEntries {
  const own = (text: string | undefined) => (text === undefined ? undefined : testEntry(list, entries, text))
  const usual = USUAL[entries]
  const impossible = list.holds === 'urls' ? 'posthouse.invalid/nothing' : usual.clear.text
  const clear = own(list.test.clear) ?? (entries === 'hashes' ? testEntry(list, entries, impossible)! : usual.clear)
  const listed = list.check === 'clear' ? undefined : (own(list.test.listed) ?? usual.listed)
  return { clear, ...(listed === undefined ? {} : { listed }) }
}

export async function testList(
  dns: Resolver,
  list: List,
  entries: Entries,
  signal: AbortSignal,
): Promise<Pick<Health, 'state' | 'why'>> {
  const { listed, clear } = entriesOf(list, entries)
  const [there, gone] = await Promise.all([
    listed === undefined ? undefined : lookUp(dns, list, listed.label, signal),
    lookUp(dns, list, clear.label, signal),
  ])
  // A list that refuses our queries answers, and will go on refusing; one that is silent may come back any moment.
  for (const listing of [there, gone]) {
    if (listing?.kind !== 'unknown') continue
    return { state: listing.why.startsWith('query refused') ? 'wrong' : 'silent', why: listing.why }
  }
  if (there?.kind === 'clear') return { state: 'wrong', why: `its test entry ${listed?.text} is not listed` }
  if (gone.kind === 'listed') return { state: 'wrong', why: `it lists ${clear.text}, and so probably everything` }
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
