/** The keys of `with:`, and the same made ready for use. */
import {
  CONSEQUENCES,
  type Consequence,
  type Infer,
  type JsonSchema,
  POLICY_KEYS,
  type PolicyTerms,
  pointsOf,
  policyTerms,
  type ServerFacts,
} from 'posthouse/api'
import { NetworkSet, toAsciiDomain, UNROUTABLE_NETWORKS } from 'posthouse/text'

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    rules: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'what follows when a rule is broken: off, score, defer or reject',
      properties: {
        missing: { enum: CONSEQUENCES, default: 'reject', description: 'the domain has no MX, A or AAAA record' },
        null_mx: { enum: CONSEQUENCES, default: 'reject', description: 'the domain says it takes no mail (RFC 7505)' },
        unroutable: {
          enum: CONSEQUENCES,
          default: 'reject',
          description: 'its mail hosts have no address in the world',
        },
      },
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'for rules that score',
      properties: { missing: pointsOf(4), null_mx: pointsOf(4), unroutable: pointsOf(3) },
    },
    except: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 255 },
      maxItems: 10_000,
      default: [],
      description: 'domains not asked for: `example.org`, or `.example.org` for it and all below it',
    },
    unroutable: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      maxItems: 1000,
      default: [...UNROUTABLE_NETWORKS],
      description: 'addresses where no mail host can be; as shipped, private, loopback and reserved ones',
    },
    answer_at: {
      enum: ['mail', 'rcpt'],
      default: 'rcpt',
      description: 'the moment of the refusal; at mail nobody is spared',
    },
    ...POLICY_KEYS,
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof CONFIG>
export type RuleName = keyof Config['rules']

export interface Terms extends PolicyTerms {
  readonly rules: Readonly<Record<RuleName, Consequence>>
  readonly points: Readonly<Record<RuleName, number>>
  readonly answerAt: Config['answer_at']
  readonly unroutable: NetworkSet
  /** In A-labels. */
  readonly isExcepted: (domain: string) => boolean
}

export function termsOf(config: Config, server: ServerFacts): Terms {
  const excepted = exceptions(config.except)
  return {
    rules: config.rules,
    points: config.points,
    answerAt: config.answer_at,
    ...policyTerms(config),
    unroutable: new NetworkSet(config.unroutable),
    isExcepted: domain => server.domains.has(domain) || server.relayDomains.has(domain) || excepted(domain),
  }
}

/** What an entry of `except` means in A-labels; `undefined`: nothing. */
export function exceptedDomain(text: string): string | undefined {
  const below = text.startsWith('.')
  const domain = toAsciiDomain(below ? text.slice(1) : text)
  return domain === undefined ? undefined : below ? `.${domain}` : domain
}

function exceptions(texts: readonly string[]): (domain: string) => boolean {
  const known = new Set(texts.map(exceptedDomain))
  return domain => {
    if (known.has(domain)) return true
    const labels = domain.split('.')
    return labels.some((_, i) => known.has(`.${labels.slice(i).join('.')}`))
  }
}
