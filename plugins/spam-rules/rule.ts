/**
 * What a rule is once its file has been read and checked: points, a sentence, examples, and one condition.
 * Conditions are data; evaluate.ts is the only place that gives them meaning.
 */
import type { Language } from './stem.js'

export const ZONES = ['subject', 'body', 'name', 'link'] as const
/** Subject, text as a reader sees it, display name of the sender, addresses of links. */
export type Zone = (typeof ZONES)[number]

export const TEXTS = ['subject', 'body', 'html', 'link'] as const
export type TextName = (typeof TEXTS)[number]

export const ORIGIN_TESTS = [
  'reply-to-differs',
  'reply-to-in-list',
  'from-in-list',
  'from-domain-under',
  'from-missing',
  'from-broken',
  'name-holds-address',
  'null-sender-without-bounce',
  'message-id-missing',
  'message-id-without-host',
  'helo-is-address',
  'helo-is-no-name',
  'link-to-number',
  'link-in-list',
  'link-domain-under',
] as const
export type OriginTest = (typeof ORIGIN_TESTS)[number]
export const TESTS_WITH_LIST: ReadonlySet<OriginTest> = new Set([
  'reply-to-in-list',
  'from-in-list',
  'from-domain-under',
  'link-in-list',
  'link-domain-under',
])

export const LETTER_TESTS = [
  'capitals',
  'spaced-out',
  'mixed-scripts',
  'zero-width',
  'gibberish',
  'fancy',
  'symbols',
] as const
export type LetterTest = (typeof LETTER_TESTS)[number]

export type Condition =
  | {
      readonly kind: 'words'
      readonly phrases: readonly string[]
      readonly where: readonly Zone[]
      readonly atLeast: number
      readonly stem?: Language
    }
  | { readonly kind: 'field'; readonly name: string; readonly matches?: RegExp; readonly missing: boolean }
  | { readonly kind: 'text'; readonly text: TextName; readonly matches: RegExp }
  | { readonly kind: 'origin'; readonly test: OriginTest; readonly list: ReadonlySet<string> }
  | { readonly kind: 'letters'; readonly test: LetterTest; readonly where: Zone; readonly atLeast: number }
  | { readonly kind: 'all' | 'any' | 'not'; readonly of: readonly Condition[] }

export interface Example {
  readonly text: string
  readonly place: Place
}

export interface Place {
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
  readonly place: Place
}
