/** The shape of rule files. What a schema cannot say (one kind of condition per rule, what a kind wants of its keys) is checked in read-rule.ts. */
import type { JsonSchema } from 'posthouse/api'
import { STRINGS } from './conditions/keys.js'
import type { Raw } from './conditions/kind.js'
import { KINDS } from './conditions/table.js'
import type { RawWhose } from './scope.js'

/** Conditions stand in conditions: one schema for all of them, that names itself. */
const CONDITION = '#/$defs/condition'

function conditionKeys(): Record<string, JsonSchema> {
  const keys: Record<string, JsonSchema> = {}
  for (const kind of KINDS) {
    Object.assign(keys, kind.companions)
    keys[kind.name] = kind.inner === undefined ? kind.key : { ...kind.key, items: { $ref: CONDITION } }
  }
  return keys
}

const NAME = {
  type: 'string',
  pattern: '^[a-z0-9]+(-[a-z0-9]+)*$',
  maxLength: 60,
  description: 'a name in lower case with dashes',
} as const
const NAMES = {
  type: 'array',
  minItems: 1,
  maxItems: 1000,
  items: { type: 'string', minLength: 1, maxLength: 320 },
} as const
const POINTS = {
  type: 'number',
  minimum: -100,
  maximum: 100,
  description: 'points; below zero speaks for the message',
} as const
const SAYS = {
  type: 'string',
  minLength: 5,
  maxLength: 200,
  description: 'why the rule fires, in words; {found} is what was found',
} as const

const WHOSE: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    listeners: { ...NAMES, description: 'names of listeners' },
    domains: { ...NAMES, description: 'domains of recipients' },
    users: { ...NAMES, description: 'addresses of recipients' },
  },
}

/** What may stand in a rule and be changed from outside. */
const CHANGEABLE = {
  says: SAYS,
  group: { ...NAME, description: 'name of a group, which may have a cap' },
  shadow: { type: 'boolean', description: 'try the rule out: what it finds is told and counts nothing' },
  only: { ...WHOSE, description: 'for mail that comes there or goes to these alone' },
  except: { ...WHOSE, description: 'not for mail that comes there or goes to one of these' },
} as const satisfies Record<string, JsonSchema>

const RULE: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'says', 'hits', 'misses'],
  properties: {
    name: NAME,
    points: POINTS,
    discount: {
      type: 'object',
      additionalProperties: false,
      required: ['groups', 'percent'],
      description: 'in place of points: what groups come to is made less',
      properties: {
        groups: { type: 'array', minItems: 1, maxItems: 100, items: NAME, description: 'names of groups' },
        percent: { type: 'number', minimum: 1, maximum: 100, description: 'how much less' },
      },
    },
    ...CHANGEABLE,
    hits: { ...STRINGS, description: 'examples the rule must find' },
    misses: { ...STRINGS, description: 'examples the rule must leave alone' },
    ...conditionKeys(),
  },
}

const GROUP: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    cap: { type: 'number', minimum: 0, maximum: 1000, description: 'not more than these points together' },
    floor: { type: 'number', minimum: -1000, maximum: 0, description: 'not less than these points together' },
    says: { ...SAYS, description: 'why, in words' },
    findings: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: { type: 'string', minLength: 1, maxLength: 100 },
      description: 'findings of other plugins that belong to it, by name; `dnsbl-*` is the beginning of one',
    },
  },
}

export const RULE_FILE: JsonSchema = {
  $defs: { condition: { type: 'object', additionalProperties: false, properties: conditionKeys() } },
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
    groups: {
      type: 'object',
      description: 'what findings of a group may come to; said again in a later file, its keys count',
      additionalProperties: GROUP,
    },
    points: {
      type: 'object',
      description: 'other points for rules of other files; 0 switches a rule off',
      additionalProperties: { type: 'number', minimum: -100, maximum: 100 },
    },
    adjust: {
      type: 'object',
      description: 'other points, words, scope for rules of other files',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: { points: POINTS, ...CHANGEABLE },
      },
    },
    disable: {
      type: 'array',
      maxItems: 10_000,
      items: { type: 'string', minLength: 1 },
      description: 'rules to switch off',
    },
    rules: { type: 'array', maxItems: 10_000, items: RULE },
  },
}

/** What may stand in a rule and be changed from outside. */
export interface RawChange {
  readonly points?: number
  readonly says?: string
  readonly group?: string
  readonly shadow?: boolean
  readonly only?: RawWhose
  readonly except?: RawWhose
}

export interface RawRule extends Raw, RawChange {
  readonly name: string
  readonly says: string
  readonly discount?: { readonly groups: readonly string[]; readonly percent: number }
  readonly hits: readonly string[]
  readonly misses: readonly string[]
}

export interface RawGroup {
  readonly cap?: number
  readonly floor?: number
  readonly says?: string
  readonly findings?: readonly string[]
}

export interface RawFile {
  readonly lists?: Readonly<Record<string, readonly string[] | { readonly file: string }>>
  readonly groups?: Readonly<Record<string, RawGroup>>
  readonly points?: Readonly<Record<string, number>>
  readonly adjust?: Readonly<Record<string, RawChange>>
  readonly disable?: readonly string[]
  readonly rules?: readonly RawRule[]
}
