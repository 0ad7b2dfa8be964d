/** The part `queue` of server.yaml: schedules, and what is different for some destinations and senders. */
import type { JsonSchema } from '../api/index.js'

const DURATION = { type: 'string', format: 'duration' } as const

const RETRY = {
  type: 'array',
  items: DURATION,
  minItems: 1,
  maxItems: 50,
  description: 'waits between attempts; the last one repeats',
} as const

const EXPIRE = { type: 'string', format: 'duration', description: 'when a message goes back to its sender' } as const

const WARN_AFTER = {
  type: 'array',
  items: DURATION,
  maxItems: 10,
  description: 'when the sender is told of a delay',
} as const

/** Not `null`: in YAML that word is no word. */
const EXPIRE_FOR = {
  type: 'object',
  description: 'the same for a class of senders',
  additionalProperties: false,
  default: {},
  properties: {
    bounces: { ...EXPIRE, description: 'for mail from nobody: bounces and notices' },
    bulk: { ...EXPIRE, description: 'for mail of a priority below 0' },
    authenticated: { ...EXPIRE, description: 'for those who had logged in' },
    trusted: { ...EXPIRE, description: 'for trusted networks' },
    others: { ...EXPIRE, description: 'for everybody else' },
  },
} as const

const WARN_AFTER_FOR = {
  type: 'object',
  description: 'the same for a class of senders',
  additionalProperties: false,
  default: {},
  properties: {
    bulk: WARN_AFTER,
    authenticated: WARN_AFTER,
    trusted: WARN_AFTER,
    others: WARN_AFTER,
  },
} as const

const RATE = { type: 'string', minLength: 1, maxLength: 100 } as const

export const RATES = {
  type: 'object',
  description: 'at most so much in any such time, over all workers',
  additionalProperties: false,
  default: {},
  properties: {
    messages: { ...RATE, description: 'as 100/1m' },
    recipients: { ...RATE, description: 'as 500/1m' },
    bytes: { ...RATE, description: 'as 200MB/1h' },
    connections: { ...RATE, description: 'new ones, as 20/1m' },
  },
} as const

const SOURCE = {
  type: 'object',
  additionalProperties: false,
  required: ['match', 'rates'],
  properties: {
    match: {
      type: 'array',
      minItems: 1,
      maxItems: 1000,
      items: { type: 'string', minLength: 1, maxLength: 255, description: 'an address of ours, or *' },
      description:
        'addresses of ours that mail goes out by; "system" where the system chooses; each has its own limits',
    },
    rates: RATES,
  },
} as const

const LANE = {
  type: 'object',
  description: 'what is different for some destinations',
  additionalProperties: false,
  required: ['match'],
  properties: {
    match: {
      type: 'array',
      minItems: 1,
      maxItems: 1000,
      items: {
        type: 'string',
        maxLength: 1000,
        pattern: '^(\\*|(\\*\\.)?[^*\\s]+)$',
        description: 'a destination such as example.com, *.example or *',
      },
      description: 'destinations, as `queue ls` shows them behind the target',
    },
    target: { type: 'string', minLength: 1, description: 'only where this target delivers, as mx' },
    retry: RETRY,
    expire: EXPIRE,
    expire_for: EXPIRE_FOR,
    warn_after: WARN_AFTER,
    warn_after_for: WARN_AFTER_FOR,
    concurrency: { type: 'integer', minimum: 1, maximum: 1000, description: 'deliveries at once to each, per worker' },
    least: { type: 'integer', minimum: 1, maximum: 1000, description: 'of these at least, however badly it goes' },
    rates: RATES,
  },
} as const

const GREYLISTED = {
  type: 'object',
  description: 'quick tries at peers that greylist: they want to see us again soon',
  additionalProperties: false,
  default: {},
  properties: {
    retry: {
      type: 'array',
      items: DURATION,
      maxItems: 10,
      default: ['2m', '5m', '10m'],
      description: 'waits of the first tries; [] for none',
    },
    longest: { ...DURATION, default: '1h', description: 'a wait that a peer names is kept up to this' },
    words: {
      type: 'array',
      items: { type: 'string', minLength: 3, maxLength: 100 },
      maxItems: 100,
      default: [
        'greylist',
        'graylist',
        'grey list',
        'gray list',
        'grey-list',
        'gray-list',
        'postgrey',
        'sqlgrey',
        'come back later',
        'come back in',
        'come again in',
        'try again in',
        'retry in',
        'first contact',
        'unknown triplet',
      ],
      description: 'words of a 421, 450 or 451 by which greylisting is known',
    },
  },
} as const

export const QUEUE = {
  type: 'object',
  description: 'how long and how often delivery is tried',
  additionalProperties: false,
  default: {},
  properties: {
    retry: { ...RETRY, default: ['5m', '10m', '30m', '1h', '2h', '4h'] },
    jitter: {
      type: 'integer',
      minimum: 0,
      maximum: 50,
      default: 10,
      description: 'percent by which waits differ either way',
    },
    expire: { ...EXPIRE, default: '5d' },
    expire_for: EXPIRE_FOR,
    held_expire: { ...DURATION, description: 'when held mail goes back too; left out: not by itself' },
    warn_after: { ...WARN_AFTER, default: ['4h'] },
    warn_after_for: WARN_AFTER_FOR,
    greylisted: GREYLISTED,
    lanes: {
      type: 'array',
      items: LANE,
      maxItems: 500,
      default: [],
      description: 'what is different for some destinations; the first that fits counts',
    },
    sources: {
      type: 'array',
      items: SOURCE,
      maxItems: 500,
      default: [],
      description: 'how much goes out by each address of ours; the first that fits counts',
    },
    longest_pause: {
      type: 'string',
      format: 'duration',
      default: '30m',
      description: 'how long a destination where nobody answers is left alone at most, before one job tries again',
    },
    concurrency: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 20,
      description: 'deliveries at once, per worker',
    },
    per_lane: { type: 'integer', minimum: 1, maximum: 100, default: 4, description: 'of these, to one destination' },
    lease: { type: 'string', format: 'duration', default: '2m', description: 'how long a dead worker keeps a job' },
  },
} as const satisfies JsonSchema
