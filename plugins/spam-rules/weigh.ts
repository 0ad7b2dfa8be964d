/**
 * What findings come to together: discounts first, then the caps of groups. Each is a finding of its own with the points it takes, so that the sum
 * stays the sum of the points. Pure; points are counted in hundredths, so that nothing is lost by adding.
 */
import type { Finding } from 'posthouse/api'
import type { Group } from './rule.js'

/** A discount that holds. */
export interface Discount {
  readonly name: string
  readonly says: string
  readonly groups: readonly string[]
  readonly percent: number
  readonly shadow: boolean
}

export function weighed(
  findings: readonly Finding[],
  groups: ReadonlyMap<string, Group>,
  discounts: readonly Discount[],
): readonly Finding[] {
  if (groups.size === 0) return []
  const sums = sumsOf(findings, groups)
  return [...discounts.flatMap(one => discounted(one, sums)), ...[...groups.values()].flatMap(one => capped(one, sums))]
}

/** Group → what its findings come to, in hundredths. */
type Sums = Map<string, number>

function sumsOf(findings: readonly Finding[], groups: ReadonlyMap<string, Group>): Sums {
  const sums: Sums = new Map()
  for (const finding of findings) {
    const name = groupOf(finding, groups)
    if (name !== undefined) sums.set(name, (sums.get(name) ?? 0) + hundredths(finding.points))
  }
  return sums
}

function groupOf({ name, group }: Finding, groups: ReadonlyMap<string, Group>): string | undefined {
  if (group !== undefined && groups.has(group)) return group
  for (const one of groups.values()) if (one.findings.some(wanted => isNamed(name, wanted))) return one.name
  return undefined
}

/** `dnsbl-*` is the beginning of a name. */
export function isNamed(name: string, wanted: string): boolean {
  return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted
}

/** Takes of what those before it have left. */
function discounted({ name, says, groups, percent, shadow }: Discount, sums: Sums): readonly Finding[] {
  let taken = 0
  for (const group of groups) {
    const sum = sums.get(group) ?? 0
    const off = sum > 0 ? Math.round((sum * percent) / 100) : 0
    taken += off
    if (!shadow) sums.set(group, sum - off)
  }
  if (taken === 0) return []
  const points = -taken / 100
  return [shadow ? { name, points: 0, says, shadow: points } : { name, points, says }]
}

function capped({ name, cap, floor, says }: Group, sums: Sums): readonly Finding[] {
  const sum = sums.get(name) ?? 0
  const bounded = Math.max(Math.min(sum, hundredths(cap ?? Infinity)), hundredths(floor ?? -Infinity))
  if (bounded === sum) return []
  const sentence =
    says ?? `Findings of the group ${name} count for ${bounded / 100} points together, not for ${sum / 100}`
  return [{ name: `cap-${name}`, points: (bounded - sum) / 100, says: sentence, group: name }]
}

function hundredths(points: number): number {
  return Math.round(points * 100)
}
