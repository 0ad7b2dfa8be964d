/** What lists say of an address, put together: weights, a sum, and what follows from it. Pure. */
import type { Because, Finding, Judgement } from 'posthouse/api'
import type { List, Terms } from './config.js'
import type { Heard } from './lookup.js'

export interface Hit {
  readonly list: List
  /** Below zero for lists that speak for an address. */
  readonly points: number
  readonly says: string
}

export interface Weighed {
  readonly hits: readonly Hit[]
  readonly sum: number
  readonly unknown: readonly { readonly list: List; readonly why: string }[]
}

export function weigh(heard: readonly Heard[]): Weighed {
  const hits: Hit[] = []
  const unknown: { list: List; why: string }[] = []
  for (const { list, listing } of heard) {
    if (listing.kind === 'unknown') unknown.push({ list, why: listing.why })
    if (listing.kind !== 'listed') continue
    const weight = Math.max(...listing.codes.map(list.weightOf))
    const codes = listing.codes.slice(0, 5).join(', ')
    const says = `${list.name} (${codes}${listing.reason === undefined ? '' : `: ${listing.reason}`})`
    hits.push({ list, points: list.kind === 'allow' ? 0 - weight : weight, says })
  }
  // In hundredths, so that the sum on paper is the sum of the points on paper.
  const sum = hits.reduce((total, { points }) => total + Math.round(points * 100), 0) / 100
  return { hits, sum, unknown }
}

/** `nothing known`: lists that speak for addresses and could not be asked are taken to have said the best. */
export function judge(weighed: Weighed, address: string, terms: Terms): Judgement {
  const benefit = weighed.unknown.reduce((sum, { list }) => sum + (list.kind === 'allow' ? list.most : 0), 0)
  const certain = weighed.sum - benefit
  const answer = certain >= terms.rejectAt ? 'reject' : certain >= terms.deferAt ? 'defer' : undefined
  const unknown = weighed.unknown.map(({ list, why }) => ({ kind: 'unknown', rule: ruleOf(list), why }) as const)
  if (answer === undefined) return unknown
  const against = weighed.hits.filter(({ points }) => points > 0).sort((a, b) => b.points - a.points)
  const names = against.map(({ list }) => list.name).slice(0, 3)
  return [
    {
      kind: 'breach',
      answer,
      points: weighed.sum,
      text: `Your address ${address} is listed by ${names.join(', ')}`,
      detail: '7.1',
      because: becauseOf(weighed, against[0], address),
    },
    ...unknown,
  ]
}

function becauseOf({ hits, sum }: Weighed, worst: Hit | undefined, address: string): Because {
  return {
    rule: worst === undefined ? 'dnsbl' : ruleOf(worst.list),
    evidence: `${hits.map(({ says, points }) => `${says} ${points}`).join('; ')}; together ${sum}`.slice(0, 1000),
    exception: `add ${address} to exempt of dnsbl in plugins.yaml`,
  }
}

export function findingsOf({ hits }: Weighed): readonly Finding[] {
  return hits.map(({ list, points, says }) => ({ name: ruleOf(list), points, says: `listed by ${says}` }))
}

export function labelsOf({ hits, sum }: Weighed, terms: Terms): readonly string[] {
  const listed = hits.some(({ points }) => points > 0) && sum >= terms.labelAt
  const allowed = hits.some(({ list }) => list.kind === 'allow') && hits.every(({ list }) => list.kind === 'allow')
  return [...(listed ? ['dnsbl-listed'] : []), ...(allowed ? ['dnswl-listed'] : [])]
}

/** As logs and findings have it: `dnsbl-zen-example-org`. */
export function ruleOf({ kind, name }: Pick<List, 'kind' | 'name'>): string {
  return `${kind === 'allow' ? 'dnswl' : 'dnsbl'}-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`
}
