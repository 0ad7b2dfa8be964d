/**
 * From the evidence that was recorded to the evidence another configuration would have given. Pure. What can be found in the mail itself is found
 * again; what came from the name service or from what had happened before is kept as it was recorded, since neither is there any more.
 */
import type { Finding } from '../../../api/index.js'

/** Plugins whose evidence is not from the mail alone. */
export interface Elsewhere {
  readonly historic: ReadonlySet<string>
  readonly outward: ReadonlySet<string>
}

/**
 * Both configurations were tried on the mail now: only where they differ, the record is changed. Findings are the same when they have one
 * name and count the same.
 */
export function changedBy(
  recorded: readonly Finding[],
  before: readonly Finding[],
  after: readonly Finding[],
): readonly Finding[] {
  const [old, now] = [byName(before), byName(after)]
  const differs = (name: string) => weightOf(old.get(name)) !== weightOf(now.get(name))
  const kept = recorded.filter(({ name }) => !differs(name))
  return [...kept, ...after.filter(({ name }) => differs(name))]
}

/** Only the new configuration is there to be tried. */
export function foundAgain(
  recorded: readonly Finding[],
  after: readonly Finding[],
  { historic, outward }: Elsewhere,
): readonly Finding[] {
  const now = byName(after)
  // What has happened since must not speak about the mail of then.
  const found = after.filter(({ plugin = '' }) => !historic.has(plugin))
  const kept = recorded.filter(
    ({ plugin = '', name }) => historic.has(plugin) || (outward.has(plugin) && !now.has(name)),
  )
  return [...found, ...kept]
}

export interface Differences {
  readonly came: readonly Finding[]
  readonly went: readonly Finding[]
  /** With other points. */
  readonly changed: readonly { readonly name: string; readonly from: number; readonly to: number }[]
}

export function differencesOf(before: readonly Finding[], after: readonly Finding[]): Differences {
  const [old, now] = [byName(before), byName(after)]
  const changed = [...now].flatMap(([name, findings]) => {
    const [from, to] = [pointsOf(old.get(name) ?? []), pointsOf(findings)]
    return old.has(name) && from !== to ? [{ name, from, to }] : []
  })
  return {
    came: after.filter(({ name }) => !old.has(name)),
    went: before.filter(({ name }) => !now.has(name)),
    changed,
  }
}

function byName(findings: readonly Finding[]): ReadonlyMap<string, readonly Finding[]> {
  const names = new Map<string, Finding[]>()
  for (const finding of findings) {
    const same = names.get(finding.name)
    if (same === undefined) names.set(finding.name, [finding])
    else same.push(finding)
  }
  return names
}

function pointsOf(findings: readonly Finding[]): number {
  return findings.reduce((sum, { points }) => sum + Math.round(points * 100), 0) / 100
}

/** Also of what is only tried out. */
function weightOf(findings: readonly Finding[] | undefined): string | undefined {
  return findings?.map(({ points, shadow }) => `${points} ${shadow}`).join()
}
