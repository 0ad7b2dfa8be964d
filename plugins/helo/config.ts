/** The rules with what follows from each, and the other keys of `with:`, made ready for use. */
import { type Consequence, type Infer, type JsonSchema, type ServerFacts, sparing } from 'posthouse/api'
import { DomainSet, NetworkSet, normaliseDomain, parseDuration } from 'posthouse/text'

const ANY = ['off', 'score', 'defer', 'reject'] as const
// RFC 5321 §4.1.4: mail must not be refused because the name does not belong to the address; points are no refusal.
const MILD = ['off', 'score'] as const

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
        syntax: { enum: ANY, default: 'score', description: 'neither a domain nor an address literal' },
        bare_name: { enum: ANY, default: 'score', description: 'a name without a dot' },
        other_address: { enum: ANY, default: 'score', description: 'an address literal of somebody else' },
        own_name: { enum: ANY, default: 'reject', description: 'our name, domain or address, said by a stranger' },
        unknown_name: { enum: ANY, default: 'score', description: 'a name without A, AAAA and MX' },
        mismatch: { enum: MILD, default: 'off', description: 'a name that does not belong to the address' },
      },
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'for rules that score',
      properties: {
        syntax: points(1),
        bare_name: points(1),
        other_address: points(1.5),
        own_name: points(4),
        unknown_name: points(1.5),
        mismatch: points(0.5),
      },
    },
    own: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 255 },
      maxItems: 1000,
      default: [],
      description:
        'more names and addresses that are ours: of a balancer, a second host, the address seen from outside',
    },
    answer_at: {
      enum: ['helo', 'mail', 'rcpt'],
      default: 'rcpt',
      description: 'the moment of the refusal; before rcpt nobody is spared, and nobody has logged in yet',
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
    exempt: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      maxItems: 10_000,
      default: ['127.0.0.0/8', '::1'],
      description: 'networks whose greetings are not looked at; as shipped, this machine',
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
  readonly exempt: NetworkSet
  readonly ownNames: DomainSet
  readonly ownAddresses: NetworkSet
}

/** `own` may hold what is neither name nor address: the caller asks `isOwn` first. */
export function termsOf(config: Config, server: ServerFacts): Terms {
  const own = config.own.map(text => text.toLowerCase())
  const addresses = own.filter(text => asAddress(text) !== undefined)
  const names = own.filter(text => asAddress(text) === undefined)
  return {
    rules: config.rules,
    points: config.points,
    answerAt: config.answer_at,
    whenUnknown: config.when_unknown,
    withinMs: parseDuration(config.within)!,
    spares: sparing(config.spare),
    exempt: new NetworkSet(config.exempt),
    ownNames: new DomainSet([server.name, ...server.domains, ...names]),
    ownAddresses: new NetworkSet(addresses),
  }
}

export function isOwn(text: string): boolean {
  return asAddress(text) !== undefined || normaliseDomain(text) !== undefined
}

function asAddress(text: string): NetworkSet | undefined {
  try {
    return text.includes('/') ? undefined : new NetworkSet([text])
  } catch {
    return undefined
  }
}
