/** What an admin may write of our own addresses: pools of sources, and which mail goes out by which. */
import type { JsonSchema } from 'posthouse/api'
import { LOGINS, SENDERS } from '../routes/schema.js'

const ADDRESS = { type: 'string', minLength: 1, maxLength: 60, description: 'an IP address of this machine' } as const

const WARM_UP = {
  type: 'object',
  description: 'for a new address: so many messages on each day, and as many as there are afterwards',
  additionalProperties: false,
  required: ['since', 'per_day'],
  properties: {
    since: {
      type: 'string',
      format: 'date',
      description: 'the first day as 2026-11-30, by UTC; before it nothing is sent',
    },
    per_day: {
      type: 'array',
      minItems: 1,
      maxItems: 366,
      items: { type: 'integer', minimum: 0, description: 'messages on that day' },
      description: 'messages on the first day, on the second, and so on',
    },
  },
} as const satisfies JsonSchema

export const POOLS = {
  type: 'object',
  description: 'addresses and names of ours that mail goes out by; left out: as the system chooses',
  default: {},
  additionalProperties: {
    type: 'object',
    description: 'a pool',
    additionalProperties: false,
    required: ['sources'],
    properties: {
      sources: {
        type: 'array',
        minItems: 1,
        maxItems: 256,
        description: 'its sources',
        items: {
          type: 'object',
          description: 'a source',
          additionalProperties: false,
          required: ['address'],
          properties: {
            address: {
              anyOf: [
                ADDRESS,
                {
                  type: 'array',
                  minItems: 1,
                  maxItems: 2,
                  items: ADDRESS,
                  description: 'a list of one IPv4 and one IPv6 address',
                },
              ],
              description: 'an address of this machine, or one of IPv4 and one of IPv6',
            },
            helo: {
              type: 'string',
              format: 'domain',
              description: 'name in EHLO; left out: helo of mx, or the name of this server',
            },
            weight: {
              type: 'integer',
              minimum: 0,
              maximum: 1000,
              default: 1,
              description: 'its share; 0: only when no other will do',
            },
            warm_up: WARM_UP,
          },
        },
      },
    },
  },
} as const satisfies JsonSchema

export const POOL_RULES = {
  type: 'array',
  description: 'which mail goes out by which pool: the first that fits; a route with a pool goes before',
  default: [],
  maxItems: 1000,
  items: {
    type: 'object',
    description: 'a rule',
    additionalProperties: false,
    required: ['pool'],
    properties: {
      to: {
        type: 'array',
        minItems: 1,
        maxItems: 1000,
        items: { type: 'string', minLength: 1, maxLength: 256, description: 'domain, .domain or *' },
        description: 'only mail to these domains: domain, .domain or *',
      },
      from: SENDERS,
      login: LOGINS,
      class: {
        type: 'array',
        minItems: 1,
        items: { enum: ['bounces', 'bulk', 'authenticated', 'trusted', 'others'] },
        description: 'only mail of these classes of senders, as in queue.expire_for',
      },
      pool: { type: 'string', minLength: 1, maxLength: 64, description: 'the pool' },
    },
  },
} as const satisfies JsonSchema
