/**
 * What a rule is once its file has been read and checked: points or a discount, a sentence, examples, one condition, and for whom it is.
 */
import type { Condition } from './conditions/kind.js'
import type { Scope } from './scope.js'

/** From here on mail is put into Junk as spam-action comes. No rule of the package may bring a message there alone. */
export const JUNK_LINE = 5

export interface Example {
  readonly text: string
  readonly place: Position
}

/** Where something stands in a file, counted from 1. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** What a rule that holds does to the sum. */
export type Effect =
  | { readonly kind: 'points'; readonly points: number }
  /** Takes this share of what the groups' findings come to. */
  | { readonly kind: 'discount'; readonly groups: readonly string[]; readonly percent: number }

export interface Rule {
  readonly name: string
  readonly effect: Effect
  /** May hold `{found}`. */
  readonly says: string
  readonly condition: Condition
  readonly hits: readonly Example[]
  readonly misses: readonly Example[]
  readonly place: Position
  /** Its findings share a cap with others of that group. */
  readonly group?: string
  /** It is tried out: its findings count nothing. */
  readonly shadow: boolean
  readonly scope: Scope
  /** Comes with Posthouse. */
  readonly shipped: boolean
}

/** Findings that tell of the same thing, and what they may come to together. */
export interface Group {
  readonly name: string
  /** Not more than this. */
  readonly cap?: number
  /** Not less. */
  readonly floor?: number
  readonly says?: string
  /** Findings of other plugins that belong to it, by name; `dnsbl-*` is a beginning. */
  readonly findings: readonly string[]
}

/** Points for lists and for the eye; a discount has none of its own. */
export function pointsOf({ effect }: Rule): number {
  return effect.kind === 'points' ? effect.points : 0
}
