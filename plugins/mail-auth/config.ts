/** The keys of `with:`, and the same made ready for use. */
import { type Infer, type JsonSchema, pointsOf } from 'posthouse/api'
import { parseDuration, toAsciiDomain } from 'posthouse/text'

const DOMAINS = {
  type: 'array',
  items: { type: 'string', format: 'domain' },
  maxItems: 10_000,
  default: [],
} as const

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    within: {
      type: 'string',
      format: 'duration',
      default: '10s',
      description: 'longest wait for all look-ups of one message together',
    },
    signatures: {
      type: 'integer',
      minimum: 1,
      maximum: 50,
      default: 8,
      description: 'DKIM signatures that are checked, those of the domain of From first',
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'what findings weigh; 0 leaves one out',
      properties: {
        spf_fail: pointsOf(1),
        spf_softfail: pointsOf(0.5),
        spf_permerror: pointsOf(0),
        helo_fail: pointsOf(0.5),
        dkim_fail: pointsOf(0.2),
        dmarc_fail: pointsOf(0.5),
        dmarc_quarantine: pointsOf(1.5),
        dmarc_reject: pointsOf(2.5),
        from_unclear: pointsOf(1),
      },
    },
    enforce: {
      enum: ['off', 'quarantine', 'reject'],
      default: 'off',
      description:
        'what is done with mail that fails DMARC: nothing beside points, into Junk whatever the domain asks for, or as the domain asks for',
    },
    forwarders: {
      ...DOMAINS,
      description:
        'mailing lists and forwarders: no policy is applied to mail that they (or names below them) have signed or send by SPF',
    },
    trusted_sealers: {
      ...DOMAINS,
      description: 'whose word in a chain of ARC counts: no policy is applied to mail they saw pass DMARC',
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof CONFIG>
export type PointName = keyof Config['points']

export interface Terms {
  readonly withinMs: number
  readonly signatures: number
  readonly points: Readonly<Record<PointName, number>>
  readonly enforce: Config['enforce']
  /** In A-labels. */
  readonly forwarders: ReadonlySet<string>
  readonly sealers: ReadonlySet<string>
}

export function termsOf(config: Config): Terms {
  const set = (domains: readonly string[]) => new Set(domains.map(domain => toAsciiDomain(domain) ?? domain))
  return {
    withinMs: parseDuration(config.within)!,
    signatures: config.signatures,
    points: config.points,
    enforce: config.enforce,
    forwarders: set(config.forwarders),
    sealers: set(config.trusted_sealers),
  }
}
