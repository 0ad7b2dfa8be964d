/** The rules with what follows from each, and the other keys of `with:`, made ready for use. */
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
import { DomainSet, NetworkSet, normaliseDomain } from 'posthouse/text'

// RFC 5321 §4.1.4: mail must not be refused because the name does not belong to the address; points are no refusal.
const MILD = ['off', 'score'] as const

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
        syntax: { enum: CONSEQUENCES, default: 'score', description: 'neither a domain nor an address literal' },
        bare_name: { enum: CONSEQUENCES, default: 'score', description: 'a name without a dot' },
        other_address: { enum: CONSEQUENCES, default: 'score', description: 'an address literal of somebody else' },
        own_name: {
          enum: CONSEQUENCES,
          default: 'reject',
          description: 'our name, domain or address, said by a stranger',
        },
        unknown_name: { enum: CONSEQUENCES, default: 'score', description: 'a name without A, AAAA and MX' },
        mismatch: { enum: MILD, default: 'off', description: 'a name that does not belong to the address' },
      },
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'for rules that score',
      properties: {
        syntax: pointsOf(1),
        bare_name: pointsOf(1),
        other_address: pointsOf(1.5),
        own_name: pointsOf(4),
        unknown_name: pointsOf(1),
        mismatch: pointsOf(0.5),
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
    ...POLICY_KEYS,
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

export interface Terms extends PolicyTerms {
  readonly rules: Readonly<Record<RuleName, Consequence>>
  readonly points: Readonly<Record<RuleName, number>>
  readonly answerAt: Config['answer_at']
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
    ...policyTerms(config),
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
