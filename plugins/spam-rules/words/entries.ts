/**
 * What may stand in a list of words of a rule: a phrase, a group of phrases that share a weight and a reason, or things that stand near each
 * other. Read into entries that know nothing of files.
 */
import type { JsonSchema } from 'posthouse/api'
import { foldPhrase } from './fold.js'
import type { Near } from './near.js'
import { LANGUAGES, type Language } from './stems.js'
import { LONGEST_PHRASE } from './trie.js'

export type AnyEntry = PhraseEntry | NearEntry

/** What stands in one group of a list, and what it may add up to. */
export interface Group {
  readonly most: number
}

export interface PhraseEntry {
  readonly kind: 'phrase'
  readonly phrase: string
  readonly group: Group
  readonly weight: number
  readonly language: Language | undefined
}

export interface NearEntry {
  readonly kind: 'near'
  readonly group: Group
  /** Of each part any one alternative will do. */
  readonly parts: readonly (readonly string[])[]
  readonly near: Near
  readonly weight: number
  readonly language: Language | undefined
}

export interface RawGroup {
  readonly phrases?: readonly string[]
  readonly near?: readonly string[]
  readonly within?: number
  readonly ordered?: boolean
  readonly weight?: number
  readonly most?: number
  readonly stem?: Language
  readonly why?: string
}

export type RawEntry = string | RawGroup

const PHRASE = { type: 'string', minLength: 1, maxLength: LONGEST_PHRASE } as const
const MOST_PHRASES = 50_000

export const ENTRIES: JsonSchema = {
  type: 'array',
  minItems: 1,
  maxItems: MOST_PHRASES,
  items: {
    anyOf: [
      PHRASE,
      {
        type: 'object',
        additionalProperties: false,
        properties: {
          phrases: { type: 'array', minItems: 1, maxItems: MOST_PHRASES, items: PHRASE },
          near: { type: 'array', minItems: 2, maxItems: 8, items: { type: 'string', minLength: 1, maxLength: 1000 } },
          within: {
            type: 'integer',
            minimum: 2,
            maximum: 200,
            description: 'near: words in the row that holds them all',
          },
          ordered: { type: 'boolean', description: 'near: in the order they stand here' },
          weight: { type: 'number', minimum: -10, maximum: 10, description: 'what each of these counts; default 1' },
          most: { type: 'number', minimum: 0, maximum: 100, description: 'what the group adds up to at most' },
          stem: { type: 'string', enum: LANGUAGES, description: 'compare stems of words in this language' },
          why: { type: 'string', minLength: 3, description: 'why they stand here' },
        },
      },
    ],
  },
}

export type Wrong = (at: readonly (string | number)[], message: string) => undefined

const WITHIN = 10

/** Nothing when there are faults, which have been told. */
export function readEntries(
  raw: readonly RawEntry[],
  language: Language | undefined,
  wrong: Wrong,
): readonly AnyEntry[] | undefined {
  const read = raw.map((entry, at) =>
    typeof entry === 'string'
      ? readGroup({ phrases: [entry] }, language, (_, message) => wrong([at], message))
      : readGroup(entry, entry.stem ?? language, (below, message) => wrong([at, ...below], message)),
  )
  return read.every(entries => entries !== undefined) ? read.flat() : undefined
}

function readGroup(raw: RawGroup, language: Language | undefined, wrong: Wrong): readonly AnyEntry[] | undefined {
  const { phrases, near, weight = 1 } = raw
  if (phrases !== undefined && near !== undefined) return wrong(['near'], '"phrases" or "near", not both')
  if (near !== undefined) return readNear(raw, near, language, wrong)
  if (phrases === undefined) return wrong([], 'expected "phrases" or "near"')
  for (const key of ['within', 'ordered'] as const)
    if (raw[key] !== undefined) return wrong([key], `"${key}" has a meaning only beside "near"`)
  const empty = phrases.findIndex(isEmpty)
  if (empty !== -1) return wrong(['phrases', empty], 'expected letters, digits or money signs')
  const group = { most: raw.most ?? Number.POSITIVE_INFINITY }
  return phrases.map(phrase => ({ kind: 'phrase', phrase, group, weight, language }))
}

function readNear(
  { within = WITHIN, ordered = false, weight = 1, most = Number.POSITIVE_INFINITY }: RawGroup,
  near: readonly string[],
  language: Language | undefined,
  wrong: Wrong,
): readonly AnyEntry[] | undefined {
  const parts = near.map(part => part.split('|').map(one => one.trim()))
  const empty = parts.findIndex(part => part.some(isEmpty))
  if (empty !== -1) return wrong(['near', empty], 'expected letters, digits or money signs, alternatives parted by "|"')
  return [{ kind: 'near', group: { most }, parts, near: { within, ordered }, weight, language }]
}

function isEmpty(phrase: string): boolean {
  return foldPhrase(phrase).trim() === ''
}
