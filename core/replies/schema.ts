/** The shape of reply-rule files. What a schema cannot say (a rule that never fits, a wait that is none) is checked in `read.ts`. */
import { type Infer, type JsonSchema, REPLY_CLASSES, REPLY_STAGES, type ReplyClass } from '../api/index.js'

const CLASSES = Object.keys(REPLY_CLASSES).filter(name => name !== 'unclassed') as readonly ReplyClass[]

const PHRASES = {
  type: 'array',
  minItems: 1,
  maxItems: 200,
  items: { type: 'string', minLength: 2, maxLength: 300 },
} as const

const ACTION = {
  type: 'object',
  description: 'what follows from such a reply, beside what its code says',
  additionalProperties: false,
  default: {},
  properties: {
    suspend: { type: 'string', format: 'duration', description: 'nothing more to this destination for so long' },
    slow_down: { type: 'boolean', description: 'fewer deliveries at once to this destination' },
    treat_as: { enum: ['temporary', 'permanent'], description: 'whatever the first digit says' },
    retry_after: { type: 'string', format: 'duration', description: 'this recipient is not tried earlier' },
  },
} as const

const RULE = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'class', 'says'],
  properties: {
    name: {
      type: 'string',
      pattern: '^[a-z0-9]+(-[a-z0-9]+)*$',
      maxLength: 60,
      description: 'lower case with hyphens, once in all files',
    },
    class: { enum: CLASSES, description: 'what it means' },
    says: { type: 'string', minLength: 3, maxLength: 300, description: 'the same in words, for people' },
    code: {
      type: 'array',
      minItems: 1,
      maxItems: 50,
      items: { type: 'string', pattern: '^[2-5]([0-9x]x|[0-9]{2})$' },
      description: 'reply codes: "421", "45x", "5xx"',
    },
    status: {
      type: 'array',
      minItems: 1,
      maxItems: 50,
      items: { type: 'string', pattern: '^([245]|\\*)\\.([0-9]{1,3}|\\*)\\.([0-9]{1,3}|\\*)$' },
      description: 'enhanced status codes: "5.7.26", "*.1.1", "4.7.*"',
    },
    host: {
      type: 'array',
      minItems: 1,
      maxItems: 200,
      items: { type: 'string', maxLength: 255, pattern: '^(\\*\\.)?[^*\\s]+$' },
      description: 'names of the host that says it: mx.example.net, *.example.net',
    },
    stage: {
      type: 'array',
      minItems: 1,
      maxItems: 20,
      items: { enum: REPLY_STAGES },
      description: 'when it is said; none: nobody said it, these are our own words',
    },
    text: {
      ...PHRASES,
      description: 'one of these stands in it; * is any text; case does not matter; <> is an address',
    },
    not_text: { ...PHRASES, description: 'none of these stands in it' },
    do: ACTION,
    examples: {
      ...PHRASES,
      minItems: 0,
      default: [],
      description: 'replies that it is for; `posthouse check` tries them',
    },
  },
} as const satisfies JsonSchema

export const REPLY_RULE_FILE = {
  type: 'object',
  additionalProperties: false,
  properties: {
    general: {
      type: 'boolean',
      default: false,
      description: 'the rules here know only codes: what fits nothing else',
    },
    rules: { type: 'array', maxItems: 2000, items: RULE, default: [] },
  },
} as const satisfies JsonSchema

export type RawRuleFile = Infer<typeof REPLY_RULE_FILE>
export type RawRule = RawRuleFile['rules'][number]
