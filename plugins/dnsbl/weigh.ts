/**
 * What lists say, put together: one weight for each list however much of a mail it lists, a sum, and what follows from it. Pure.
 */
import type { Because, Finding, Judgement } from 'posthouse/api'
import type { Meaning } from './codes.js'
import type { Terms } from './config.js'
import type { List, Topic } from './list.js'
import type { Heard, Listing } from './lookup.js'

const MAX_CODES = 5

/** Where in a mail something stood, for people. */
const WHERE: Readonly<Record<Topic, string>> = {
  client: 'the client',
  received: 'a host on the way',
  helo: 'the name in HELO',
  reverse: 'the name of the client',
  sender: 'the envelope sender',
  dkim: 'who signed it',
  from: 'From',
  'reply-to': 'Reply-To',
  links: 'a link',
  body: 'an address in the text',
  'short-links': 'a short link',
}

export interface Hit {
  readonly list: List
  /** Below zero for lists that speak for a mail. */
  readonly points: number
  /** Of what the list weighs most. */
  readonly of: string
  readonly topics: readonly Topic[]
  readonly codes: readonly string[]
  readonly means?: string
  readonly reason?: string
  /** More of the mail that this list has. */
  readonly others: number
}

export interface Weighed {
  readonly hits: readonly Hit[]
  readonly sum: number
  /** Once for each list. */
  readonly unknown: readonly { readonly list: List; readonly why: string }[]
}

export function weigh(heard: readonly Heard[]): Weighed {
  const hits = new Map<List, Hit>()
  const unknown = new Map<List, string>()
  for (const one of heard) {
    const { list, listing } = one
    if (listing.kind === 'unknown' && !unknown.has(list)) unknown.set(list, listing.why)
    if (listing.kind !== 'listed') continue
    const before = hits.get(list)
    const now = hitOf(one, listing, list.read(listing.codes))
    const best = before === undefined || Math.abs(now.points) > Math.abs(before.points) ? now : before
    hits.set(list, { ...best, others: before === undefined ? 0 : before.others + 1 })
  }
  return {
    hits: [...hits.values()],
    sum: rounded([...hits.values()].reduce((total, { points }) => total + points, 0)),
    unknown: [...unknown].map(([list, why]) => ({ list, why })),
  }
}

function hitOf(
  { list, of, topics }: Heard,
  { codes, reason }: Extract<Listing, { kind: 'listed' }>,
  { weight, means }: Meaning,
): Hit {
  return {
    ...{ list, of, topics, codes, others: 0, points: list.kind === 'allow' ? 0 - weight : weight },
    ...(means === undefined ? {} : { means }),
    ...(reason === undefined ? {} : { reason }),
  }
}

/** In hundredths, so that the sum on paper is the sum of the points on paper. */
function rounded(points: number): number {
  return Math.round(points * 100) / 100
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
    evidence: `${hits.map(inShort).join('; ')}; together ${sum}`.slice(0, 1000),
    exception: `add ${address} to exempt of dnsbl in plugins.yaml`,
  }
}

/** `bad.test (127.0.0.2, spam: seen today) 2` */
export function inShort({ list, points, ...hit }: Hit): string {
  return `${list.name} (${answerOf(hit)}) ${points}`
}

/** For the log, which does not tell what stood in the mail. */
export function inLog({ list, topics, codes, points }: Hit): string {
  return `${list.name} ${topics.join('+')} (${codes.slice(0, MAX_CODES).join(', ')}) ${points}`
}

function answerOf({ codes, means, reason }: Pick<Hit, 'codes' | 'means' | 'reason'>): string {
  const said = [codes.slice(0, MAX_CODES).join(', '), ...(means === undefined ? [] : [means])].join(', ')
  return reason === undefined ? said : `${said}: ${reason}`
}

/**
 * A finding for each list, the heaviest first. All lists together give `cap` at most, and take as much at most: what is beyond it is said
 * and not counted, as lists copy each other.
 */
export function findingsOf({ hits }: Weighed, cap: number): readonly Finding[] {
  const left = { against: cap, for: cap }
  return [...hits]
    .sort((a, b) => Math.abs(b.points) - Math.abs(a.points))
    .map(hit => {
      const side = hit.points < 0 ? 'for' : 'against'
      const counted = rounded(Math.min(Math.abs(hit.points), left[side]))
      left[side] -= counted
      const beyond = counted < Math.abs(hit.points) ? `, counted less as all lists together give ${cap} at most` : ''
      const points = side === 'for' ? 0 - counted : counted
      return { name: ruleOf(hit.list), points, says: `${sentenceOf(hit)}${beyond}` }
    })
}

function sentenceOf({ list, of, topics, others, ...answer }: Hit): string {
  const where = topics.map(topic => WHERE[topic]).join(', ')
  const more = others === 0 ? '' : ` and ${others} more of this mail`
  return `${list.name} lists ${of} (${where})${more}: ${answerOf(answer)}`
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
