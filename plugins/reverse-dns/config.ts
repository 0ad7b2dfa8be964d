/** The keys of `with:`, and the same made ready for use. */
import { type Infer, POLICY_KEYS, type PolicyTerms, policyTerms } from 'posthouse/api'
import { LOCAL_NETWORKS, NetworkSet } from 'posthouse/text'

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    require: {
      enum: ['none', 'name', 'confirmed'],
      default: 'none',
      description: 'what a client must have: nothing, a name, or a name that leads back to its address',
    },
    answer: {
      enum: ['reject', 'defer', 'score'],
      default: 'reject',
      description: 'what follows when it is not there; score only gives points',
    },
    points: { type: 'number', default: 2, description: 'for answer: score' },
    answer_at: {
      enum: ['connect', 'helo', 'mail', 'rcpt'],
      default: 'rcpt',
      description: 'the moment of the refusal; before rcpt nobody is spared, and nobody has logged in yet',
    },
    ...POLICY_KEYS,
    exempt: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      maxItems: 10_000,
      default: [...LOCAL_NETWORKS],
      description: 'networks whose names are not asked for; as shipped, local ones',
    },
  },
} as const

export type Config = Infer<typeof CONFIG>

export interface Terms extends PolicyTerms, Pick<Config, 'require' | 'answer' | 'points' | 'answer_at'> {
  readonly exempt: NetworkSet
}

export function termsOf(config: Config): Terms {
  return {
    ...config,
    ...policyTerms(config),
    exempt: new NetworkSet(config.exempt),
  }
}
