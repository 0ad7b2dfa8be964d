/** One list as the admin describes it: what it holds, what of a mail it is asked about, and how its answers are to be read. */
import type { Fault, Infer, JsonSchema, YamlPath } from 'posthouse/api'
import { type CodePattern, fits, greatest, isNoListing, type Meaning, parseCode, reader } from './codes.js'
import { HASHES, type HashTerms } from './hash.js'

/** What a list has entries of. */
export const HOLDINGS = ['addresses', 'domains', 'emails', 'urls'] as const
export type Holding = (typeof HOLDINGS)[number]

/** What of a mail may be asked about. */
export const TOPICS = [
  'client',
  'received',
  'helo',
  'reverse',
  'sender',
  'dkim',
  'from',
  'reply-to',
  'links',
  'body',
  'short-links',
] as const
export type Topic = (typeof TOPICS)[number]

const FITTING: Readonly<Record<Holding, readonly Topic[]>> = {
  addresses: ['client', 'received', 'links'],
  domains: ['helo', 'reverse', 'sender', 'dkim', 'from', 'reply-to', 'links', 'body'],
  emails: ['sender', 'from', 'reply-to', 'body'],
  urls: ['links', 'short-links'],
}

/** Where config does not say. Anybody can write a good name into a mail, so lists for a mail hear only of those that are proven. */
const USUAL: Readonly<Record<Holding, readonly Topic[]>> = {
  addresses: ['client'],
  domains: ['helo', 'reverse', 'sender', 'dkim', 'from', 'reply-to', 'links'],
  emails: ['sender', 'from', 'reply-to', 'body'],
  urls: ['short-links'],
}
const PROVABLE: readonly Topic[] = ['client', 'helo', 'reverse', 'sender', 'dkim', 'from']
const USUAL_ALLOWED: Readonly<Partial<Record<Holding, readonly Topic[]>>> = { addresses: ['client'], domains: ['dkim'] }

const WEIGHT = { type: 'number', minimum: 0, maximum: 1000 } as const

/** Zones of customers have labels with underscores. */
const ZONE = '^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\\.)*[A-Za-z0-9][A-Za-z0-9-]{0,62}$'

export const LIST = {
  type: 'object',
  additionalProperties: false,
  required: ['zone'],
  properties: {
    zone: {
      type: 'string',
      maxLength: 200,
      pattern: ZONE,
      description: 'where it stands in the name service',
    },
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 100,
      description:
        'what it is called in replies, log and commands; default the zone. For zones with a secret key in their name',
    },
    kind: { enum: ['block', 'allow'], default: 'block', description: 'whether it counts against or for a mail' },
    holds: { enum: HOLDINGS, default: 'addresses', description: 'what its entries are; emails and urls are hashed' },
    about: {
      type: 'array',
      items: { enum: TOPICS },
      minItems: 1,
      uniqueItems: true,
      description: 'what of a mail it is asked about; the usual for what it holds when left out',
    },
    names: {
      enum: ['organisation', 'host', 'both'],
      default: 'organisation',
      description: 'of a host it is asked for the registered domain, the whole name, or both',
    },
    ip_links: {
      type: 'boolean',
      default: false,
      description: 'a list of domains that has addresses of links too, reversed',
    },
    weight: { ...WEIGHT, description: 'of a code that `codes` does not name; default 1, with `codes` 0' },
    codes: {
      type: 'object',
      additionalProperties: {
        anyOf: [
          WEIGHT,
          {
            type: 'object',
            additionalProperties: false,
            required: ['weight'],
            properties: { weight: WEIGHT, means: { type: 'string', minLength: 1, maxLength: 100 } },
          },
        ],
      },
      default: {},
      description:
        'weights by return code, or weights and what they mean: { "127.0.0.2": 4, "127.0.*.3": 1, "127.0.0.&8": { weight: 3, means: phishing } }; the greatest that fits counts',
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
    hash: { enum: HASHES, default: 'sha1', description: 'of emails and urls' },
    encoding: { enum: ['hex', 'base32'], default: 'hex', description: 'of the hash' },
    cut_tags: { type: 'boolean', default: true, description: 'user+tag@ is asked for as user@' },
    fold_gmail: { type: 'boolean', default: true, description: 'u.s.er@googlemail.com is asked for as user@gmail.com' },
    check: {
      enum: [true, false, 'clear'],
      default: true,
      description:
        'whether it has test entries and is only asked while they are right; clear: only what must not be there',
    },
    test: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'its test entries, where they are not those of RFC 5782',
      properties: {
        listed: { type: 'string', minLength: 1, maxLength: 250, description: 'is always listed' },
        clear: { type: 'string', minLength: 1, maxLength: 250, description: 'is never listed' },
      },
    },
  },
} as const satisfies JsonSchema

export type ListConfig = Infer<typeof LIST>

export interface List extends HashTerms {
  readonly name: string
  readonly zone: string
  readonly kind: 'block' | 'allow'
  readonly holds: Holding
  readonly about: ReadonlySet<Topic>
  readonly names: ListConfig['names']
  readonly ipLinks: boolean
  readonly ipv4: boolean
  readonly ipv6: boolean
  readonly check: ListConfig['check']
  readonly test: ListConfig['test']
  readonly read: (codes: readonly string[]) => Meaning
  /** The greatest weight it can give. */
  readonly most: number
  /** This answer is no listing. */
  readonly refuses: (code: string) => boolean
}

export function listOf(config: ListConfig): List {
  const otherwise = config.weight ?? (Object.keys(config.codes).length === 0 ? 1 : 0)
  const refused: readonly CodePattern[] = config.refused.map(code => parseCode(code)!)
  return {
    name: config.name ?? config.zone,
    zone: config.zone.toLowerCase(),
    kind: config.kind,
    holds: config.holds,
    about: new Set(config.about ?? usual(config)),
    names: config.names,
    ipLinks: config.ip_links,
    ipv4: config.ipv4,
    ipv6: config.ipv6,
    check: config.check,
    test: config.test,
    hash: config.hash,
    encoding: config.encoding,
    cutTags: config.cut_tags,
    foldGmail: config.fold_gmail,
    read: reader(config.codes, otherwise),
    most: greatest(config.codes, otherwise),
    refuses: code => isNoListing(code) || refused.some(pattern => fits(code, pattern)),
  }
}

function usual({ holds, kind }: Pick<ListConfig, 'holds' | 'kind'>): readonly Topic[] {
  return (kind === 'allow' ? USUAL_ALLOWED[holds] : undefined) ?? USUAL[holds]
}

/** What the schema cannot find. */
export function faultsOfList(
  list: ListConfig,
  at: YamlPath,
  fault: (path: YamlPath, message: string) => Fault,
): readonly Fault[] {
  const wish = 'expected a return code like 127.0.0.2, 127.0.0.10-11, 127.0.*.3 or 127.0.0.&8'
  const allowed = list.kind === 'allow' && USUAL_ALLOWED[list.holds] === undefined
  return [
    ...(allowed
      ? [fault([...at, 'kind'], `a list of ${list.holds} cannot speak for a mail: anybody can write them`)]
      : []),
    ...(list.about ?? []).flatMap((topic, n) => {
      const why = misfit(list, topic)
      return why === undefined ? [] : [fault([...at, 'about', n], why)]
    }),
    ...Object.keys(list.codes).flatMap(code =>
      parseCode(code) === undefined ? [fault([...at, 'codes', code], `"${code}": ${wish}`)] : [],
    ),
    ...list.refused.flatMap((code, n) =>
      parseCode(code) === undefined ? [fault([...at, 'refused', n], `"${code}": ${wish}`)] : [],
    ),
  ]
}

function misfit({ holds, kind }: ListConfig, topic: Topic): string | undefined {
  if (!FITTING[holds].includes(topic))
    return `a list of ${holds} cannot be asked about ${topic}; expected one of ${FITTING[holds].join(', ')}`
  if (kind === 'allow' && !PROVABLE.includes(topic)) return `${topic} proves nothing for a mail: anybody can write it`
  return undefined
}
