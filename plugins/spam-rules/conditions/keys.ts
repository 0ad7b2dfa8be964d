/** Keys that several kinds of conditions share, each with one meaning and one schema. */
import type { JsonSchema } from 'posthouse/api'
import { PLACES } from '../facts.js'

export const STRINGS = { type: 'array', minItems: 1, maxItems: 5000, items: { type: 'string', minLength: 1 } } as const

export const WHERE = {
  type: 'array',
  minItems: 1,
  items: { type: 'string', enum: [...PLACES, 'anywhere'] },
  description: `where to look: ${PLACES.join(', ')}, anywhere`,
} as const satisfies JsonSchema

export const AT_LEAST = {
  type: 'integer',
  minimum: 1,
  maximum: 1_000_000,
  description: 'how many: different words, finds, or per cent',
} as const satisfies JsonSchema

export const MATCHES = {
  type: 'string',
  minLength: 1,
  maxLength: 1000,
  description: 'regular expression; case does not matter',
} as const satisfies JsonSchema

export const LIST = { type: 'string', description: 'name of a list' } as const satisfies JsonSchema
