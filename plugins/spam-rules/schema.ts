/** The shape of rule files. What a schema cannot say (one kind of condition per rule, patterns that end) is checked in read.ts. */
import type { JsonSchema } from 'posthouse/api'
import { LETTER_TESTS, ORIGIN_TESTS, TEXTS, ZONES } from './rule.js'
import { LANGUAGES } from './stem.js'

const STRINGS = { type: 'array', minItems: 1, maxItems: 5000, items: { type: 'string', minLength: 1 } } as const

const CONDITION_KEYS = {
  words: { ...STRINGS, description: 'words or phrases; `pharmac*` is the start of a word' },
  stem: { type: 'string', enum: LANGUAGES, description: 'compare stems of words in this language' },
  field: { type: 'string', pattern: '^[A-Za-z0-9-]+$', description: 'name of a header field' },
  text: { type: 'string', enum: TEXTS, description: 'what `matches` looks at' },
  matches: { type: 'string', minLength: 1, maxLength: 1000, description: 'regular expression; case does not matter' },
  missing: { type: 'boolean', description: 'the field must not be there' },
  origin: { type: 'string', enum: ORIGIN_TESTS, description: 'test on where the message comes from and leads to' },
  list: { type: 'string', description: 'name of a list for the origin test' },
  letters: { type: 'string', enum: LETTER_TESTS, description: 'test on letter patterns' },
  where: {
    type: 'array',
    minItems: 1,
    items: { type: 'string', enum: [...ZONES, 'anywhere'] },
    description: 'where to look: subject, body, name, link, anywhere',
  },
  at_least: {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    description: 'how many different words, how many finds, or per cent',
  },
} as const satisfies Record<string, JsonSchema>

/** Conditions within conditions, two deep: enough for "all of these, and none of those". */
function condition(depth: number): JsonSchema {
  return { type: 'object', additionalProperties: false, properties: conditionKeys(depth) }
}

function conditionKeys(depth: number): Record<string, JsonSchema> {
  if (depth === 0) return CONDITION_KEYS
  const list: JsonSchema = { type: 'array', minItems: 1, maxItems: 50, items: condition(depth - 1) }
  return {
    ...CONDITION_KEYS,
    all: { ...list, description: 'all of these conditions' },
    any: { ...list, description: 'one of these conditions' },
    not: { ...list, description: 'none of these conditions' },
  }
}

const RULE: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'points', 'says', 'hits', 'misses'],
  properties: {
    name: {
      type: 'string',
      pattern: '^[a-z0-9]+(-[a-z0-9]+)*$',
      maxLength: 60,
      description: 'a name in lower case with dashes',
    },
    points: { type: 'number', minimum: -100, maximum: 100, description: 'points; below zero speaks for the message' },
    says: {
      type: 'string',
      minLength: 5,
      maxLength: 200,
      description: 'why the rule fires, in words; {found} is what was found',
    },
    hits: { ...STRINGS, description: 'examples the rule must find' },
    misses: { ...STRINGS, description: 'examples the rule must leave alone' },
    ...conditionKeys(2),
  },
}

export const RULE_FILE: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    lists: {
      type: 'object',
      description: 'lists of domains for origin tests; a list of the same name in another file is added to',
      additionalProperties: {
        anyOf: [
          { type: 'array', maxItems: 100_000, items: { type: 'string', minLength: 2 } },
          {
            type: 'object',
            additionalProperties: false,
            required: ['file'],
            properties: {
              file: { type: 'string', minLength: 1, description: 'a text file of names, seen from this file' },
            },
          },
        ],
      },
    },
    points: {
      type: 'object',
      description: 'other points for rules of other files; 0 switches a rule off',
      additionalProperties: { type: 'number', minimum: -100, maximum: 100 },
    },
    rules: { type: 'array', maxItems: 10_000, items: RULE },
  },
}

export interface RawCondition {
  readonly words?: readonly string[]
  readonly stem?: (typeof LANGUAGES)[number]
  readonly field?: string
  readonly text?: (typeof TEXTS)[number]
  readonly matches?: string
  readonly missing?: boolean
  readonly origin?: (typeof ORIGIN_TESTS)[number]
  readonly list?: string
  readonly letters?: (typeof LETTER_TESTS)[number]
  readonly where?: readonly ((typeof ZONES)[number] | 'anywhere')[]
  readonly at_least?: number
  readonly all?: readonly RawCondition[]
  readonly any?: readonly RawCondition[]
  readonly not?: readonly RawCondition[]
}

export interface RawRule extends RawCondition {
  readonly name: string
  readonly points: number
  readonly says: string
  readonly hits: readonly string[]
  readonly misses: readonly string[]
}

export interface RawFile {
  readonly lists?: Readonly<Record<string, readonly string[] | { readonly file: string }>>
  readonly points?: Readonly<Record<string, number>>
  readonly rules?: readonly RawRule[]
}
