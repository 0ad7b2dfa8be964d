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
import { testEntry } from './health.js'
import { faultsOfList, LIST, type List, listOf } from './list.js'
import { subjectsOf } from './watch.js'

const NETWORKS = { type: 'array', items: { type: 'string', format: 'network' }, maxItems: 10_000 } as const
const DOMAINS = { type: 'array', items: { type: 'string', format: 'domain' }, maxItems: 10_000 } as const

/** Named in the markup of all the world, and of no interest to any list. */
const MARKUP_DOMAINS: readonly string[] = ['w3.org', 'schema.org', 'openxmlformats.org', 'purl.org', 'xmlsoap.org']

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    lists: { type: 'array', items: LIST, maxItems: 50, default: [], description: 'whom to ask; nobody as shipped' },
    reject_at: {
      type: 'number',
      minimum: 0.1,
      description: 'refuse at this sum of weights of what the client is on; left out: never',
    },
    defer_at: { type: 'number', minimum: 0.1, description: 'put off at this sum; left out: never' },
    label_at: { type: 'number', default: 1, description: 'set the label dnsbl-listed at this sum' },
    score: { type: 'boolean', default: true, description: 'the weights are points of the message too' },
    cap: {
      type: 'number',
      minimum: 0,
      default: 4.5,
      description: 'points that all lists together give or take at most; 0: no bound',
    },
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
    within: { ...POLICY_KEYS.within, description: 'longest wait for all lists together, of a client and of a message' },
    exempt: {
      ...NETWORKS,
      default: [...LOCAL_NETWORKS],
      description: 'networks no list is asked about, nor about their mail; as shipped, local ones',
    },
    relays: {
      ...NETWORKS,
      maxItems: 1000,
      default: [],
      description: 'our own mail hosts in front of this one: who gave them a mail is its client',
    },
    skip: {
      ...DOMAINS,
      default: [...MARKUP_DOMAINS],
      description: 'domains no list is asked about, with all below them; our own never are',
    },
    shorteners: { ...DOMAINS, default: [], description: 'hosts of short links beside those that are known' },
    most_links: {
      type: 'integer',
      minimum: 0,
      maximum: 200,
      default: 20,
      description: 'hosts of links that are asked about; they are chosen over all organisations',
    },
    most_emails: {
      type: 'integer',
      minimum: 0,
      maximum: 100,
      default: 10,
      description: 'mail addresses of the text that are asked about',
    },
    most_hops: {
      type: 'integer',
      minimum: 0,
      maximum: 50,
      default: 5,
      description: 'addresses of Received fields that are asked about, the newest first',
    },
    most_questions: {
      type: 'integer',
      minimum: 10,
      maximum: 2000,
      default: 150,
      description: 'questions about what a message holds, to all lists together',
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

/** How much of a message is asked about. */
export interface Bounds {
  readonly links: number
  readonly emails: number
  readonly hops: number
  readonly questions: number
}

export interface Terms extends PolicyTerms, Pick<Config, 'score'> {
  readonly lists: readonly List[]
  readonly rejectAt: number
  readonly deferAt: number
  readonly labelAt: number
  readonly cap: number
  readonly answerAt: Config['answer_at']
  readonly everyMs: number
  readonly recheckMs: number
  readonly exempt: NetworkSet
  readonly relays: NetworkSet
  readonly skip: readonly string[]
  readonly shorteners: ReadonlySet<string>
  readonly most: Bounds
}

const LEAST_EVERY_MS = 1000

/** `shorteners`: those that are known. */
export function termsOf(config: Config, shorteners: Iterable<string>): Terms {
  return {
    lists: config.lists.map(listOf),
    rejectAt: config.reject_at ?? Number.POSITIVE_INFINITY,
    deferAt: config.defer_at ?? Number.POSITIVE_INFINITY,
    labelAt: config.label_at,
    score: config.score,
    cap: config.cap === 0 ? Number.POSITIVE_INFINITY : config.cap,
    answerAt: config.answer_at,
    ...policyTerms(config),
    everyMs: Math.max(LEAST_EVERY_MS, parseDuration(config.check_every)!),
    recheckMs: Math.max(LEAST_EVERY_MS, parseDuration(config.recheck)!),
    exempt: new NetworkSet(config.exempt),
    relays: new NetworkSet(config.relays),
    skip: config.skip,
    shorteners: new Set([...shorteners, ...config.shorteners]),
    most: {
      links: config.most_links,
      emails: config.most_emails,
      hops: config.most_hops,
      questions: config.most_questions,
    },
  }
}

/** What the schema cannot find. */
export function faultsIn(config: Config, fault: (path: YamlPath, message: string) => Fault): readonly Fault[] {
  const names = new Set<string>()
  return config.lists.flatMap((list, i) => {
    const name = list.name ?? list.zone
    const twice = names.has(name)
    names.add(name)
    const faults = faultsOfList(list, ['lists', i], fault)
    return [
      ...(twice ? [fault(['lists', i], `there is a list ${name} already; give one of them a name`)] : []),
      ...faults,
      ...(faults.length === 0 ? faultsOfTest(config.lists[i]!, ['lists', i, 'test'], fault) : []),
    ]
  })
}

/** Test entries that the list could not have. */
function faultsOfTest(
  config: Config['lists'][number],
  at: YamlPath,
  fault: (path: YamlPath, message: string) => Fault,
): readonly Fault[] {
  const list = listOf(config)
  const kinds = subjectsOf([list])
  return (['listed', 'clear'] as const).flatMap(key => {
    const text = list.test[key]
    if (text === undefined || kinds.some(({ family }) => testEntry(list, family, text) !== undefined)) return []
    return [fault([...at, key], `"${text}" is nothing that a list of ${list.holds} is asked about`)]
  })
}
