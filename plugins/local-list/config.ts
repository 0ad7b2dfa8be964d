/** The keys of `with:`, and the same made ready for use. */
import { type Infer, type JsonSchema, POLICY_KEYS, type PolicyTerms, pointsOf, sparing } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    files: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 1000 },
      maxItems: 100,
      default: [],
      description:
        'list files, seen from the config directory; a name that ends in / means all *.list files in that folder',
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description:
        'what an entry without points of its own weighs, by what it fits; 0 leaves that out, whatever its entries say',
      properties: {
        client: pointsOf(3),
        helo: pointsOf(1.5),
        reverse: pointsOf(2),
        sender: pointsOf(2),
        from: pointsOf(2.5),
        reply_to: pointsOf(2),
        dkim: pointsOf(2.5),
        link: pointsOf(3),
        address: pointsOf(2),
      },
    },
    reject_at: { type: 'number', minimum: 0.1, description: 'refuse at this sum of points; left out: never' },
    defer_at: { type: 'number', minimum: 0.1, description: 'put off at this sum; left out: never' },
    spare: POLICY_KEYS.spare,
    reload: {
      type: 'string',
      format: 'duration',
      default: '1s',
      description:
        'how often files are looked at, and read anew when they have changed; 0: only by a reload of the server',
    },
    max_entries: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 2_000_000,
      description: 'entries of one file, and of the run-time list, at most',
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof CONFIG>
export type Subject = keyof Config['points']

export interface Terms extends Pick<PolicyTerms, 'spares'> {
  readonly points: Readonly<Record<Subject, number>>
  readonly rejectAt: number
  readonly deferAt: number
  readonly reloadMs: number
}

const LEAST_RELOAD_MS = 100

export function termsOf(config: Config): Terms {
  const reloadMs = parseDuration(config.reload)!
  return {
    points: config.points,
    rejectAt: config.reject_at ?? Number.POSITIVE_INFINITY,
    deferAt: config.defer_at ?? Number.POSITIVE_INFINITY,
    spares: sparing(config.spare),
    reloadMs: reloadMs === 0 ? 0 : Math.max(LEAST_RELOAD_MS, reloadMs),
  }
}
