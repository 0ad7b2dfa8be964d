/** The shape of rule files. What a schema cannot say (one kind of condition per rule, what a kind wants of its keys) is checked in read.ts. */
import type { JsonSchema } from 'posthouse/api'
import { STRINGS } from './conditions/keys.js'
import type { Raw } from './conditions/kind.js'
import { KINDS } from './conditions/table.js'

/** Conditions within conditions: enough for "all of these, and none of those". */
const DEPTH = 2

function conditionKeys(depth: number): Record<string, JsonSchema> {
  const keys: Record<string, JsonSchema> = {}
  for (const kind of KINDS) {
    Object.assign(keys, kind.companions)
    if (kind.inner === undefined) keys[kind.name] = kind.key
    else if (depth > 0)
      keys[kind.name] = {
        ...kind.key,
        items: { type: 'object', additionalProperties: false, properties: conditionKeys(depth - 1) },
      }
  }
  return keys
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
    ...conditionKeys(DEPTH),
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

export interface RawRule extends Raw {
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
