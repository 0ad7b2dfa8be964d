/** What a rule is once its file has been read and checked: points, a sentence, examples, and one condition. */
import type { Condition } from './conditions/kind.js'

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

export interface Rule {
  readonly name: string
  readonly points: number
  /** May hold `{found}`. */
  readonly says: string
  readonly condition: Condition
  readonly hits: readonly Example[]
  readonly misses: readonly Example[]
  readonly place: Position
}
