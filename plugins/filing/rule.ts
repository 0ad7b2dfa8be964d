/**
 * A filing rule: conditions on a message and what is done with it. Here is what a rule is once it has been read; `read.ts` reads what people
 * write, `conditions.ts` asks, `engine.ts` makes actions of it.
 */
import type { Address } from 'posthouse/api'
import type { Glob } from './glob.js'

export interface Rule {
  readonly name: string
  /** Left out: always. */
  readonly condition?: Condition
  readonly actions: RuleActions
  /** Rules below it are not asked. */
  readonly stop: boolean
  /** It asks about junk itself; others are not asked about mail taken for spam. */
  readonly minds: boolean
  /** As people wrote it. */
  readonly given: Given
}

export interface RuleActions {
  readonly file: readonly string[]
  readonly flag: readonly string[]
  readonly forward: readonly Address[]
  readonly keep: boolean
  readonly discard: boolean
  /** False: no vacation answer. */
  readonly answer: boolean
}

export type Condition =
  | { readonly kind: 'all' | 'any'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'address'; readonly field: AddressField; readonly patterns: readonly Glob[] }
  | { readonly kind: 'text'; readonly field: string; readonly test: TextTest }
  | { readonly kind: 'list' | 'tag'; readonly patterns: readonly Glob[] }
  | { readonly kind: 'larger' | 'smaller'; readonly bytes: number }
  | { readonly kind: 'spam'; readonly points: number }
  | { readonly kind: 'junk' | 'automatic'; readonly is: boolean }

export const ADDRESS_FIELDS = ['from', 'to', 'sender', 'recipient'] as const
export type AddressField = (typeof ADDRESS_FIELDS)[number]

/** In lower case. */
export type TextTest =
  | { readonly how: 'contains' | 'is'; readonly texts: readonly string[] }
  | { readonly how: 'matches'; readonly patterns: readonly Glob[] }
  | { readonly how: 'exists'; readonly is: boolean }

/** JSON of a rule. */
export type Given = Readonly<Record<string, unknown>>
