/**
 * Findings as they come from hooks, made fit to be counted: whose they are, points in hundredths, nothing without bounds. A finding of an
 * entry in `observe` mode, or one that its plugin only tries out, is a shadow: it says what it would count, and counts nothing. So the sum on
 * paper always is the sum of the points on paper.
 */
import type { Finding, Verdict } from '../api/index.js'
import { printable } from '../text/index.js'

/** Of one moment; more are left out. */
export const MAX_FINDINGS = 1000
/** Far above any threshold, and far below where adding hundredths loses one. */
const MAX_POINTS = 10_000
const MAX_EVIDENCE = 10
const MAX_PIECE = 300

/** Hooks may be plain JavaScript: what is no finding is nothing. */
export function soundFinding(
  given: unknown,
  plugin: string,
  { observed, weighed }: { readonly observed: boolean; readonly weighed: boolean },
): Finding | undefined {
  const { name, points, says, group, shadow, evidence } = (given ?? {}) as { readonly [K in keyof Finding]?: unknown }
  if (!isNumber(points) || typeof name !== 'string' || typeof says !== 'string') return undefined
  const would = isNumber(shadow) ? shadow : observed ? points : undefined
  const pieces = evidence === undefined ? [] : piecesOf(evidence)
  return {
    name,
    points: would === undefined ? hundredths(points) : 0,
    says,
    ...(typeof group === 'string' && { group }),
    ...(would !== undefined && { shadow: hundredths(would) }),
    ...(pieces.length > 0 && { evidence: pieces }),
    plugin,
    ...(weighed && { weighed }),
  }
}

/** Points are in hundredths already; added as whole numbers, so that 0.1 and 0.2 are 0.3. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  const sum = findings.reduce((total, { points }) => total + Math.round(points * 100), 0) / 100
  return { findings, sum }
}

function hundredths(points: number): number {
  const bounded = Math.max(-MAX_POINTS, Math.min(MAX_POINTS, points))
  // No −0: it would be told as one.
  return Math.round(bounded * 100) / 100 + 0
}

function piecesOf(evidence: unknown): readonly string[] {
  if (!Array.isArray(evidence)) return []
  return evidence
    .slice(0, MAX_EVIDENCE)
    .flatMap((piece: unknown) => (typeof piece === 'string' ? [printable(piece, MAX_PIECE)] : []))
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}
