/** The keys of `with:`, and the lists made ready for use. */
import {
  type Fault,
  type Infer,
  type JsonSchema,
  POLICY_KEYS,
  type PolicyTerms,
  policyTerms,
  type YamlPath,
} from 'posthouse/api'
import { LOCAL_NETWORKS, NetworkSet, parseDuration } from 'posthouse/text'
import { type CodePattern, fits, isNoListing, parseCode } from './codes.js'

const LIST = {
  type: 'object',
  additionalProperties: false,
  required: ['zone'],
  properties: {
    zone: { type: 'string', format: 'domain', description: 'where it stands in the name service' },
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 100,
      description:
        'what it is called in replies, log and commands; default the zone. For zones with a secret key in their name',
    },
    kind: { enum: ['block', 'allow'], default: 'block', description: 'whether it counts against or for an address' },
    weight: {
      type: 'number',
      minimum: 0,
      maximum: 1000,
      description: 'of a code that `codes` does not name; default 1, with `codes` 0',
    },
    codes: {
      type: 'object',
      additionalProperties: { type: 'number', minimum: 0, maximum: 1000 },
      default: {},
      description:
        'weights by return code: { "127.0.0.2": 4, "127.0.0.10-11": 2, "127.0.*.3": 1 }; the greatest that fits counts',
    },
    refused: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      maxItems: 50,
      default: [],
      description: 'more codes by which it refuses to answer; 127.255.255.* and all outside of 127.0.0.0/8 always do',
    },
    ipv4: { type: 'boolean', default: true, description: 'asked for IPv4 addresses' },
    ipv6: { type: 'boolean', default: false, description: 'asked for IPv6 addresses' },
    check: {
      type: 'boolean',
      default: true,
      description: 'has the test entries of RFC 5782 and is only asked while they are right',
    },
  },
} as const satisfies JsonSchema

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    lists: { type: 'array', items: LIST, maxItems: 50, default: [], description: 'whom to ask; nobody as shipped' },
    reject_at: { type: 'number', minimum: 0.1, description: 'refuse at this sum of weights; left out: never' },
    defer_at: { type: 'number', minimum: 0.1, description: 'put off at this sum; left out: never' },
    label_at: { type: 'number', default: 1, description: 'set the label dnsbl-listed at this sum' },
    score: { type: 'boolean', default: true, description: 'the weights are points of the message too' },
    answer_at: {
      enum: ['connect', 'rcpt', 'score'],
      default: 'rcpt',
      description: 'the moment of refusals and labels; at connect nobody is spared; score: neither, only points',
    },
    ...POLICY_KEYS,
    when_unknown: {
      ...POLICY_KEYS.when_unknown,
      description: 'what follows when a list could not be asked and the others do not suffice',
    },
    within: { ...POLICY_KEYS.within, description: 'longest wait for all lists together' },
    exempt: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      maxItems: 10_000,
      default: [...LOCAL_NETWORKS],
      description: 'networks no list is asked about; as shipped, local ones',
    },
    check_every: {
      type: 'string',
      format: 'duration',
      default: '30m',
      description: 'how often healthy lists are tested',
    },
    recheck: {
      type: 'string',
      format: 'duration',
      default: '5m',
      description: 'how often those are that were switched off',
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof CONFIG>

export interface List {
  readonly name: string
  readonly zone: string
  readonly kind: 'block' | 'allow'
  readonly ipv4: boolean
  readonly ipv6: boolean
  readonly check: boolean
  readonly weightOf: (code: string) => number
  /** The greatest weight it can give. */
  readonly most: number
  /** This answer is no listing. */
  readonly refuses: (code: string) => boolean
}

export interface Terms extends PolicyTerms, Pick<Config, 'score'> {
  readonly lists: readonly List[]
  readonly rejectAt: number
  readonly deferAt: number
  readonly labelAt: number
  readonly answerAt: Config['answer_at']
  readonly everyMs: number
  readonly recheckMs: number
  readonly exempt: NetworkSet
}

const LEAST_EVERY_MS = 1000

export function termsOf(config: Config): Terms {
  return {
    lists: config.lists.map(listOf),
    rejectAt: config.reject_at ?? Number.POSITIVE_INFINITY,
    deferAt: config.defer_at ?? Number.POSITIVE_INFINITY,
    labelAt: config.label_at,
    score: config.score,
    answerAt: config.answer_at,
    ...policyTerms(config),
    everyMs: Math.max(LEAST_EVERY_MS, parseDuration(config.check_every)!),
    recheckMs: Math.max(LEAST_EVERY_MS, parseDuration(config.recheck)!),
    exempt: new NetworkSet(config.exempt),
  }
}

function listOf(config: Config['lists'][number]): List {
  const codes = Object.entries(config.codes).map(([code, weight]) => [parseCode(code)!, weight] as const)
  const otherwise = config.weight ?? (codes.length === 0 ? 1 : 0)
  const refused: readonly CodePattern[] = config.refused.map(code => parseCode(code)!)
  return {
    name: config.name ?? config.zone,
    zone: config.zone,
    kind: config.kind,
    ipv4: config.ipv4,
    ipv6: config.ipv6,
    check: config.check,
    weightOf(code) {
      const weights = codes.flatMap(([pattern, weight]) => (fits(code, pattern) ? [weight] : []))
      return weights.length === 0 ? otherwise : Math.max(...weights)
    },
    most: Math.max(otherwise, ...codes.map(([, weight]) => weight)),
    refuses: code => isNoListing(code) || refused.some(pattern => fits(code, pattern)),
  }
}

/** What the schema cannot find. */
export function faultsIn(config: Config, fault: (path: YamlPath, message: string) => Fault): readonly Fault[] {
  const wish = 'expected a return code like 127.0.0.2, 127.0.0.10-11 or 127.0.*.3'
  const names = new Set<string>()
  return config.lists.flatMap((list, i) => {
    const name = list.name ?? list.zone
    const twice = names.has(name)
    names.add(name)
    return [
      ...(twice ? [fault(['lists', i], `there is a list ${name} already; give one of them a name`)] : []),
      ...Object.keys(list.codes).flatMap(code =>
        parseCode(code) === undefined ? [fault(['lists', i, 'codes', code], `"${code}": ${wish}`)] : [],
      ),
      ...list.refused.flatMap((code, n) =>
        parseCode(code) === undefined ? [fault(['lists', i, 'refused', n], `"${code}": ${wish}`)] : [],
      ),
    ]
  })
}
