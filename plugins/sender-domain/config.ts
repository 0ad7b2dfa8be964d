/** The keys of `with:`, and the same made ready for use. */
import { type Consequence, type Infer, type JsonSchema, type ServerFacts, sparing } from 'posthouse/api'
import { NetworkSet, parseDuration, toAsciiDomain, UNROUTABLE_NETWORKS } from 'posthouse/text'

const ANY = ['off', 'score', 'defer', 'reject'] as const

function points(normal: number) {
  return { type: 'number', default: normal } as const
}

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
        missing: { enum: ANY, default: 'reject', description: 'the domain has no MX, A or AAAA record' },
        null_mx: { enum: ANY, default: 'reject', description: 'the domain says it takes no mail (RFC 7505)' },
        unroutable: { enum: ANY, default: 'reject', description: 'its mail hosts have no address in the world' },
      },
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'for rules that score',
      properties: { missing: points(4), null_mx: points(4), unroutable: points(3) },
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
    when_unknown: {
      enum: ['pass', 'defer'],
      default: 'pass',
      description: 'what follows when the name service has trouble',
    },
    within: { type: 'string', format: 'duration', default: '5s', description: 'longest wait for the name service' },
    spare: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 64 },
      maxItems: 100,
      default: ['postmaster', 'abuse'],
      description: 'local parts that can always be written to, where the answer is given at rcpt',
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof CONFIG>
export type RuleName = keyof Config['rules']

export interface Terms {
  readonly rules: Readonly<Record<RuleName, Consequence>>
  readonly points: Readonly<Record<RuleName, number>>
  readonly answerAt: Config['answer_at']
  readonly whenUnknown: Config['when_unknown']
  readonly withinMs: number
  readonly spares: ReturnType<typeof sparing>
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
    whenUnknown: config.when_unknown,
    withinMs: parseDuration(config.within)!,
    spares: sparing(config.spare),
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
