/** The keys of `with:`, and the same made ready for use. */
import { type Infer, type JsonSchema, pointsOf } from 'posthouse/api'
import { NetworkSet, parseDuration } from 'posthouse/text'

const NAMES = {
  type: 'array',
  items: { type: 'string', minLength: 2, maxLength: 255 },
  maxItems: 100_000,
  default: [],
} as const

const listOf = <D extends string>(description: D) =>
  ({
    type: 'object',
    additionalProperties: false,
    default: {},
    description,
    properties: {
      add: { ...NAMES, description: 'more names' },
      except: { ...NAMES, description: 'names of these lists that shall not count' },
      files: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        maxItems: 20,
        default: [],
        description: 'text files with more names, seen from the config directory',
      },
    },
  }) as const

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'what findings weigh; 0 leaves one out',
      properties: {
        from_cheap_ending: pointsOf(1),
        from_unlisted_ending: pointsOf(0.7),
        from_international: pointsOf(0.2),
        from_address: pointsOf(1),
        from_digits: pointsOf(0.5),
        from_generated: pointsOf(1),
        from_generated_local: pointsOf(0.5),
        from_new: pointsOf(0),
        disposable: pointsOf(1.5),
        link_cheap_ending: pointsOf(0.7),
        link_generated: pointsOf(1),
        links_new: pointsOf(0.3),
        helo_bare_address: pointsOf(1.5),
        helo_no_name: pointsOf(1),
        helo_differs: pointsOf(0),
        helo_forged: pointsOf(1.5),
        direct_dynamic: pointsOf(1.5),
        direct_numbered: pointsOf(0.7),
        relayed_dynamic: pointsOf(0.2),
        received_own_forged: pointsOf(1.5),
        received_provider_forged: pointsOf(1),
        received_future: pointsOf(0.5),
        received_backwards: pointsOf(0.3),
        received_zone: pointsOf(0.7),
        received_many: pointsOf(0.3),
        date_future: pointsOf(0.7),
        date_zone: pointsOf(1),
      },
    },
    lists: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'what is known of domains, beside what comes with Posthouse',
      properties: {
        free_mail: listOf('providers where anybody has an address in a minute'),
        disposable: listOf('providers whose addresses are thrown away after use'),
        cheap_endings: listOf('top-level domains that cost next to nothing'),
      },
    },
    relays: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      maxItems: 1000,
      default: [],
      description: 'second mail hosts and gateways that hand mail on to us: their Received fields are believed',
    },
    within: {
      type: 'string',
      format: 'duration',
      default: '5s',
      description: 'longest wait for the reverse name of a client',
    },
    remember: {
      type: 'string',
      format: 'duration',
      default: '400d',
      description: 'how long an organisation is remembered after it was seen last; 0s: nobody is',
    },
    settled: {
      type: 'string',
      format: 'duration',
      default: '30d',
      description: 'how long this site remembers before somebody is new to it',
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof CONFIG>
export type PointName = keyof Config['points']
export type ListName = keyof Config['lists']

export interface Terms {
  readonly points: Readonly<Record<PointName, number>>
  readonly relays: NetworkSet
  readonly withinMs: number
  readonly rememberMs: number
  readonly settledMs: number
}

export function termsOf(config: Config): Terms {
  return {
    points: config.points,
    relays: new NetworkSet(config.relays),
    withinMs: parseDuration(config.within)!,
    rememberMs: parseDuration(config.remember)!,
    settledMs: parseDuration(config.settled)!,
  }
}
