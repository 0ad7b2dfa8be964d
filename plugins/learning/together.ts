/**
 * The finding `together`: what all evidence means at once. Points are given by many who do not know of each other, each with the care of who may be alone; where
 * several weak signs of different kinds meet, or signs and what was learned, the mail is likelier spam than their sum says. This brings the sum up to what
 * such mail has turned out to be. Pure.
 */
import type { Finding } from 'posthouse/api'
import { CAUTION, type Judgement } from './judge.js'

/** Beside the findings of others: none of them is evidence of its own. */
export const OWN_FINDINGS: ReadonlySet<string> = new Set(['learned', 'together'])

/** How much a point of others, a further kind of signs, and the logarithm of odds that was learned count in one sum of odds … */
const OF_POINTS = 1.25
const OF_KINDS = 0.5
const MOST_LEARNED = 5
/** … and what they have to come to for Junk. Fitted to train parts of sets that the model had not seen: decisions 0049 and 0084. */
const JUNK_AT = 5
const JUNK_LINE = 5
/** Below that a sign is none, and from a point on a kind is a whole one: half a point is half a sign. */
const LEAST_SIGN = 0.5
const WHOLE_SIGN = 1
const MOST_KINDS = 4
/** It may file a mail in Junk, and never has it refused. */
const MOST_SUM = 7
const MOST_POINTS = 2.5
const LEAST_POINTS = 0.1
/** Sums below need no word about it. */
const LEAST_SUM = 3

/** `findings` are those of all, at `weigh`; `judged` what was learned says of the same mail. */
export function togetherOf(findings: readonly Finding[], judged: Judgement): Finding | undefined {
  const others = findings.filter(({ name }) => !OWN_FINDINGS.has(name))
  const sum = (some: readonly Finding[]) => some.reduce((total, { points }) => total + points, 0)
  const kinds = kindsOf(others)
  const learned = Math.max(-MOST_LEARNED, Math.min(MOST_LEARNED, judged.sum))
  // One sign alone, however strong, is what its rule says it is.
  if (kinds.size === 0 || (kinds.size === 1 && learned <= 0)) return undefined
  const agree = [...kinds.values()].reduce((total, { worth }) => total + worth, 0)
  // Caution is for what nobody else speaks of.
  const line = JUNK_AT - CAUTION * judged.trust
  const odds = learned + OF_POINTS * sum(others) + OF_KINDS * Math.min(MOST_KINDS, agree) - line
  const meant = Math.min(MOST_SUM, JUNK_LINE + odds / OF_POINTS)
  // One kind and even odds are one kind: without this bound a point would come or go where odds turn.
  const most = kinds.size === 1 ? Math.min(MOST_POINTS, learned / OF_POINTS) : MOST_POINTS
  const points = Math.round(100 * Math.min(most, meant - sum(findings))) / 100
  if (meant < LEAST_SUM || points < LEAST_POINTS) return undefined
  const signs = kinds.size === 1 ? 'A sign' : `Signs of ${kinds.size} kinds`
  const beside = learned > 0 ? ' and what was learned' : ''
  return {
    name: 'together',
    points,
    says: `${signs}${beside} mean more together than each alone`,
    evidence: [...kinds].map(([kind, { names }]) => `${kind}: ${names.join(', ')}`).slice(0, 10),
  }
}

interface Signs {
  readonly names: readonly string[]
  /** Of the strongest, at most a whole one. */
  readonly worth: number
}

/** By kind: findings that speak for spam. */
function kindsOf(findings: readonly Finding[]): ReadonlyMap<string, Signs> {
  const kinds = new Map<string, Signs>()
  for (const { name, points, group, plugin } of findings) {
    if (points < LEAST_SIGN) continue
    const kind = group ?? plugin ?? name
    const { names, worth } = kinds.get(kind) ?? { names: [], worth: 0 }
    kinds.set(kind, { names: [...names.slice(0, 5), name], worth: Math.max(worth, Math.min(WHOLE_SIGN, points)) })
  }
  return kinds
}
