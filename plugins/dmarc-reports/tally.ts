/**
 * What was judged of mail from elsewhere, counted: by period, domain of the policy, policy, and row of the report to come. Bounded in domains, policies
 * and rows, as strangers choose them; what has no room is left out, and counted as such. Domains that want no reports are not counted.
 */
import {
  type AuthFacts,
  type Clock,
  type Decided,
  type DmarcFacts,
  type DmarcOverride,
  type DmarcPolicy,
  type DmarcPublished,
  type Log,
  type Metrics,
  ReportCounts,
  type State,
} from 'posthouse/api'
import { printable } from 'posthouse/text'
import { endOf, hoursOf, periodAt } from './periods.js'

/** All messages of one report that are alike. */
export interface RowFacts {
  readonly source: string
  readonly from: string
  /** Domain of MAIL FROM; '': the null sender. */
  readonly envelopeFrom: string
  readonly disposition: DmarcPolicy
  readonly overrides: readonly DmarcOverride[]
  /** Aligned, and passed. */
  readonly dkim: boolean
  readonly spf: boolean
  readonly signatures: readonly { readonly domain: string; readonly selector: string; readonly result: string }[]
  readonly sender?: { readonly domain: string; readonly scope: 'mfrom' | 'helo'; readonly result: string }
  /** They were reports themselves. */
  readonly report?: true
}

export type Published = Omit<DmarcPublished, 'reportsEvery'>

/** What one report is made of. */
export interface PolicyTally {
  readonly id: string
  readonly published: Published
  /** The largest first. */
  readonly rows: readonly (RowFacts & { readonly count: number })[]
}

/** How a message came. */
export interface Judged {
  readonly source: string
  readonly envelopeFrom: string
  readonly facts: AuthFacts
  readonly isReport: boolean
  /** What became of it, for each recipient. */
  readonly results: readonly Pick<Decided, 'kind'>[]
}

export interface TallyParts {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly leastMs: number
}

/** Reports go out within a day and a bit; `pending` may look at them a little longer. */
const KEEP_MS = 3 * 86_400_000
const MAX_DOMAINS = 5000
const MAX_POLICIES = 4
const MAX_ROWS = 1000
/** Of all domains together. */
const MAX_ROWS_IN_ALL = 30_000
const MAX_SIGNATURES = 5
const MAX_LISTED = 200_000

interface Known {
  readonly domains: Map<string, { readonly policies: Set<string>; readonly rows: Set<string> }>
  rows: number
}

export class Tally {
  readonly #parts: TallyParts
  readonly #counts: ReportCounts
  #known = new Map<string, Known>()

  constructor(parts: TallyParts) {
    this.#parts = parts
    this.#counts = new ReportCounts({ ...parts, about: 'DMARC', expires: period => endOf(period) + KEEP_MS })
  }

  note(judged: Judged): void {
    const { published } = judged.facts.dmarc
    if (published === undefined || published.reportsTo === '') return
    const counted = this.#noted(judged, published)
    this.#parts.metrics.count(`dmarc-reports.${counted ? 'counted' : 'left-out'}`)
  }

  /** False when there was no room for it. */
  #noted(judged: Judged, { reportsEvery, ...published }: DmarcPublished): boolean {
    const period = periodAt(this.#parts.clock.now(), hoursOf(reportsEvery, this.#parts.leastMs))
    const known = this.#knownOf(period)
    const domain = known.domains.get(published.at) ?? { policies: new Set(), rows: new Set() }
    if (domain.policies.size === 0 && known.domains.size >= MAX_DOMAINS) return false
    known.domains.set(published.at, domain)
    const policy = this.#counts.named(`policy/${period}/${published.at}`, domain.policies, MAX_POLICIES, published)
    if (policy === undefined) return false
    const before = domain.rows.size
    const most = known.rows >= MAX_ROWS_IN_ALL ? before : MAX_ROWS
    const under = `${period}/${published.at}/${policy}`
    const row = this.#counts.named(`row/${under}`, domain.rows, most, rowOf(judged))
    known.rows += domain.rows.size - before
    if (row === undefined) return false
    this.#counts.count(`sum/${under}/${row}`)
    return true
  }

  #knownOf(period: string): Known {
    const there = this.#known.get(period)
    if (there !== undefined) return there
    const now = this.#parts.clock.now()
    for (const old of this.#known.keys()) if (endOf(old) <= now) this.#known.delete(old)
    const known: Known = { domains: new Map(), rows: 0 }
    this.#known.set(period, known)
    return known
  }

  /** What has been gathered is in the state. */
  flush(): Promise<void> {
    return this.#counts.flush()
  }
}

const SPARED: DmarcOverride = { kind: 'local_policy', why: 'its recipients get mail whatever a policy says' }
const CONSEQUENCES: ReadonlyMap<DmarcPolicy | undefined, Decided['kind']> = new Map([
  ['quarantine', 'quarantined'],
  ['reject', 'refused'],
])

/** What was to be done about it, unless nobody's mail was treated so: postmaster is spared. */
function doneAbout(dmarc: DmarcFacts, results: Judged['results']): Pick<RowFacts, 'disposition' | 'overrides'> {
  const { applied = 'none', overrides = [] } = dmarc
  const consequence = CONSEQUENCES.get(applied)
  const spared = consequence !== undefined && results.every(({ kind }) => kind !== consequence && kind !== 'refused')
  const reasons = overrides.map(({ kind, why }) => ({ kind, why: printable(why, 100) }))
  return spared
    ? { disposition: 'none', overrides: [...reasons, SPARED] }
    : { disposition: applied, overrides: reasons }
}

function rowOf({ source, envelopeFrom, facts, isReport, results }: Judged): RowFacts {
  const { dmarc, dkim, mailFrom, helo } = facts
  const spf = mailFrom ?? helo
  return {
    ...{ source, from: dmarc.domain, envelopeFrom: printable(envelopeFrom, 253) },
    ...doneAbout(dmarc, results),
    ...{ dkim: dmarc.aligned?.dkim === true, spf: dmarc.aligned?.spf === true },
    signatures: dkim.slice(0, MAX_SIGNATURES).map(({ domain, selector, result }) => ({
      ...{ domain: printable(domain, 253), selector: printable(selector, 100), result },
    })),
    ...(spf === undefined
      ? {}
      : { sender: { domain: printable(spf.domain, 253), scope: mailFrom ? 'mfrom' : 'helo', result: spf.result } }),
    ...(isReport ? { report: true } : {}),
  }
}

/** All that was counted in a period, or of one domain in it. */
export async function tallied(
  state: State,
  period: string,
  now: number,
  domain?: string,
): Promise<readonly PolicyTally[]> {
  const place = `/${period}/${domain === undefined ? '' : `${domain}/`}`
  const [policies, rows, sums] = await Promise.all(
    ['policy', 'row', 'sum'].map(kind => state.list(`${kind}${place}`, now, MAX_LISTED)),
  )
  const textOf = new Map(rows!.map(({ key, value }) => [key.slice('row'.length), value]))
  const rowsOf = new Map<string, (RowFacts & { readonly count: number })[]>()
  for (const { key, value } of sums!) {
    const text = textOf.get(key.slice('sum'.length))
    if (text === undefined) continue
    const policy = key.slice('sum'.length, key.lastIndexOf('/'))
    const row = { ...(JSON.parse(text) as RowFacts), count: Number(value) }
    const known = rowsOf.get(policy)
    if (known === undefined) rowsOf.set(policy, [row])
    else known.push(row)
  }
  return policies!.map(({ key, value }) => ({
    id: key.slice(key.lastIndexOf('/') + 1),
    published: JSON.parse(value) as Published,
    rows: (rowsOf.get(key.slice('policy'.length)) ?? []).sort((a, b) => b.count - a.count),
  }))
}

/** Periods of which something is known, the oldest first. */
export async function periodsKnown(state: State, now: number): Promise<readonly string[]> {
  const entries = await state.list('policy/', now, MAX_LISTED)
  return [...new Set(entries.map(({ key }) => key.split('/')[1]!))].sort()
}
