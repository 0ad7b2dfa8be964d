/**
 * How TLS to other mail servers went, counted: per day (UTC), domain, policy, and kind of failure. Bounded in domains, policies and kinds, as strangers
 * choose them; what has no room of its own is lumped together or left out, and counted as such.
 */
import {
  type Clock,
  type Log,
  type Metrics,
  ReportCounts,
  type State,
  type TlsFailure,
  type TlsPolicyFacts,
  type TlsResult,
  type TlsResults,
} from 'posthouse/api'
import { DAY_MS, dayOf, endOfDay, printable } from 'posthouse/text'

export interface FailureFacts {
  readonly type: TlsFailure
  readonly reason?: string
  readonly host?: string
  readonly helo?: string
  readonly remote?: string
  readonly local?: string
}

export interface PolicyTally {
  readonly policy: TlsPolicyFacts
  readonly successes: number
  readonly failures: readonly (FailureFacts & { readonly count: number })[]
}

export interface DomainTally {
  readonly domain: string
  readonly policies: readonly PolicyTally[]
}

export interface TallyParts {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** A day's report goes out within a day and a bit; `pending` may look at it a little longer. */
const KEEP_MS = 3 * DAY_MS
const MAX_DOMAINS = 20_000
const MAX_POLICIES = 8
const MAX_KINDS = 50
const MAX_LINES = 50
const MAX_LINE = 2000
const MAX_REASON = 200
const MAX_LISTED = 200_000

export class Tally implements TlsResults {
  readonly #parts: TallyParts
  readonly #counts: ReportCounts
  #day = ''
  /** Of this day: domain → ids of its policies, and of its kinds of failure. */
  #known = new Map<string, { readonly policies: Set<string>; readonly kinds: Set<string> }>()

  constructor(parts: TallyParts) {
    this.#parts = parts
    this.#counts = new ReportCounts({ ...parts, about: 'TLS', expires: day => endOfDay(day) + KEEP_MS })
  }

  note(result: TlsResult): void {
    const counted = this.#noted(result)
    this.#parts.metrics.count(`tls-rpt.${!counted ? 'left-out' : result.failure === undefined ? 'good' : 'bad'}`)
  }

  /** False when there was no room for it. */
  #noted(result: TlsResult): boolean {
    const day = dayOf(this.#parts.clock.now())
    if (day !== this.#day) [this.#day, this.#known] = [day, new Map()]
    const { domain } = result
    const known = this.#known.get(domain) ?? { policies: new Set(), kinds: new Set() }
    if (known.policies.size === 0 && this.#known.size >= MAX_DOMAINS) return false
    this.#known.set(domain, known)
    const policy = this.#counts.named(`policy/${day}/${domain}`, known.policies, MAX_POLICIES, bounded(result.policy))
    if (policy === undefined) return false
    if (result.failure === undefined) this.#counts.count(`ok/${day}/${domain}/${policy}`)
    else this.#counts.count(`bad/${day}/${domain}/${policy}/${this.#kindOf(day, result, known.kinds)}`)
    return true
  }

  /** What has been gathered is in the state. */
  flush(): Promise<void> {
    return this.#counts.flush()
  }

  #kindOf(day: string, result: TlsResult, kinds: Set<string>): string {
    const { type, reason } = result.failure!
    const { host, helo, remote, local } = result
    const facts = { type, reason: short(reason), host: short(host), helo: short(helo), remote, local }
    const place = `kind/${day}/${result.domain}`
    // The first of each type always finds room, so that none is left out.
    return (
      this.#counts.named(place, kinds, MAX_KINDS, facts) ??
      this.#counts.named(place, kinds, MAX_KINDS + 20, { type }) ??
      'other'
    )
  }
}

function bounded({ kind, lines, hosts }: TlsPolicyFacts): TlsPolicyFacts {
  const short = (texts: readonly string[]) => texts.slice(0, MAX_LINES).map(text => printable(text, MAX_LINE))
  return { kind, lines: short(lines), hosts: short(hosts) }
}

function short(text: string | undefined): string | undefined {
  return text === undefined ? undefined : printable(text, MAX_REASON)
}

/** All that was counted on a day, by domain; or of one domain. */
export async function tallied(
  state: State,
  day: string,
  now: number,
  domain?: string,
): Promise<readonly DomainTally[]> {
  const place = `/${day}/${domain === undefined ? '' : `${domain}/`}`
  const list = (kind: string) => state.list(`${kind}${place}`, now, MAX_LISTED)
  const [policies, kinds, good, bad] = await Promise.all([list('policy'), list('kind'), list('ok'), list('bad')])
  const textOf = new Map(kinds.map(({ key, value }) => [partsOf(key).join('/'), value]))
  const goodOf = new Map(good.map(({ key, value }) => [partsOf(key).join('/'), Number(value)]))
  const badOf = new Map<string, (FailureFacts & { readonly count: number })[]>()
  for (const entry of bad) {
    const [name, id] = partsOf(entry.key)
    const known = badOf.get(`${name}/${id}`)
    const failure = failureOf(entry, textOf)
    if (known === undefined) badOf.set(`${name}/${id}`, [failure])
    else known.push(failure)
  }
  const domains = new Map<string, PolicyTally[]>()
  for (const { key, value } of policies) {
    const [name = '', id] = partsOf(key)
    const under = `${name}/${id}`
    const policy = JSON.parse(value) as TlsPolicyFacts
    const tally = { policy, successes: goodOf.get(under) ?? 0, failures: badOf.get(under) ?? [] }
    domains.set(name, [...(domains.get(name) ?? []), tally])
  }
  return [...domains].map(([name, list]) => ({ domain: name, policies: list }))
}

/** What stands behind kind and day. */
function partsOf(key: string): readonly string[] {
  return key.split('/').slice(2)
}

function failureOf(
  { key, value }: { readonly key: string; readonly value: string },
  texts: ReadonlyMap<string, string>,
): FailureFacts & { readonly count: number } {
  const [domain, , kind] = partsOf(key)
  const text = texts.get(`${domain}/${kind}`)
  const facts = text === undefined ? { type: 'validation-failure' as const } : (JSON.parse(text) as FailureFacts)
  return { ...facts, count: Number(value) }
}

/** Days of which something is known, the oldest first. */
export async function daysKnown(state: State, now: number): Promise<readonly string[]> {
  const entries = await state.list('policy/', now, MAX_LISTED)
  return [...new Set(entries.map(({ key }) => key.split('/')[1]!))].sort()
}
