/** The plugin's part of plugins.yaml, and what becomes of it. */
import { resolve } from 'node:path'
import { ConfigError, type Fault, type Infer, type JsonSchema, type Submitter, type YamlPath } from 'posthouse/api'
import { type CanonicalForm, CLOSED_FIELDS, domainKey, parseDuration } from 'posthouse/text'

const HEADERS = (description: string, list: readonly string[]) =>
  ({
    type: 'array',
    maxItems: 100,
    uniqueItems: true,
    items: { type: 'string', pattern: '^[!-9<-~]{1,70}$' },
    default: list,
    description,
  }) as const

/** Signed when they are there; lists add them to mail that goes through them. */
const SIGN = [
  'Sender',
  'Content-Disposition',
  'Content-ID',
  'Content-Language',
  'Resent-From',
  'Resent-To',
  'Resent-Cc',
  'Resent-Date',
  'Resent-Message-ID',
  'Resent-Sender',
  'List-Id',
  'List-Help',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'List-Subscribe',
  'List-Post',
  'List-Owner',
  'List-Archive',
  'Auto-Submitted',
  // RFC 8460 §5.3: those of reports about TLS are to be signed.
  'TLS-Report-Domain',
  'TLS-Report-Submitter',
  'TLS-Required',
] as const

const DOMAIN_PATTERN = '^(\\*|(\\*\\.)?[^\\s*@/]{1,255})$'
/** RFC 6376 §3.1: labels, as in a domain. */
const SELECTOR = '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?){0,3}$'
export const SELECTOR_FORM = new RegExp(SELECTOR)
const ACTIVE = {
  type: 'string',
  pattern: '^(now|published|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9:]+))?)$',
} as const

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    activate: {
      enum: ['published', 'now'],
      default: 'published',
      description: 'when a key of the data directory is used: as soon as the name service shows it, or at once',
    },
    keys: {
      type: 'array',
      maxItems: 1000,
      default: [],
      description: 'keys in other places, and other times for keys; those that `dkim keygen` made are known without',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['domain', 'selector'],
        properties: {
          domain: { type: 'string', format: 'domain', description: 'domain that signs: d=' },
          selector: { type: 'string', pattern: SELECTOR, description: 'its record is SELECTOR._domainkey.DOMAIN' },
          file: {
            type: 'string',
            minLength: 1,
            description: 'PEM file with the private key, seen from the config directory; left out: as keygen made it',
          },
          active: {
            ...ACTIVE,
            description:
              'used from now, from a date (2026-12-01), or as soon as it is `published`; left out: as `activate` says',
          },
          until: { ...ACTIVE, description: 'a date from which on it is not used any more' },
        },
      },
    },
    rules: {
      type: 'array',
      maxItems: 1000,
      default: [],
      description: 'who signs for which sender; the first that fits the domain of From',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['from'],
        properties: {
          from: {
            type: 'array',
            minItems: 1,
            maxItems: 1000,
            items: { type: 'string', pattern: DOMAIN_PATTERN },
            description: 'example.org, *.example.org (everything below it) or *',
          },
          domain: {
            type: 'string',
            format: 'domain',
            description: 'who signs; left out: the domain of From, or one above it',
          },
          selectors: {
            type: 'array',
            minItems: 1,
            maxItems: 8,
            uniqueItems: true,
            items: { type: 'string', pattern: SELECTOR },
            description: 'a signature by each of these keys; left out: by the newest key of each kind',
          },
          submitters: {
            type: 'array',
            minItems: 1,
            uniqueItems: true,
            items: { enum: ['local', 'authenticated', 'trusted', 'others'] },
            description: 'whose mail; `others`: what comes from elsewhere and is passed on. Default: all but those',
          },
          sign: { type: 'boolean', default: true, description: 'false: such mail goes out unsigned' },
        },
      },
    },
    subdomains: {
      type: 'boolean',
      default: true,
      description: 'mail from a domain without a key is signed by the nearest domain above it that has one',
    },
    fallback: {
      type: 'string',
      format: 'domain',
      description: 'signs what nobody else does; such a signature says nothing of From',
    },
    missing: {
      enum: ['defer', 'unsigned'],
      default: 'defer',
      description: 'when a key that should sign cannot be used: the mail waits, or goes out unsigned',
    },
    sign: HEADERS('fields that are signed when they are there', SIGN),
    oversign: HEADERS('fields that are signed, and that nobody can add afterwards', CLOSED_FIELDS),
    canonicalization: {
      enum: ['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'],
      default: 'relaxed/relaxed',
      description: 'what may change on the way: white space in the header / in the body',
    },
    timestamp: { type: 'boolean', default: true, description: 'say when it was signed: t=' },
    expire: {
      type: 'string',
      format: 'duration',
      description: 'how long signatures are good: x=; left out: for ever',
    },
  },
} as const satisfies JsonSchema

export type Origin = Submitter | 'others'

export interface Rule {
  readonly from: readonly string[]
  readonly domain?: string
  readonly selectors?: readonly string[]
  readonly submitters: ReadonlySet<Origin>
  readonly sign: boolean
}

export interface KeyEntry {
  /** In A-labels. */
  readonly domain: string
  readonly selector: string
  /** Absolute. */
  readonly file: string
  readonly active: 'now' | 'published' | number
  readonly until?: number
}

export interface FieldSettings {
  readonly names: readonly string[]
  /** Those of `names` that nobody may add, in lower case. */
  readonly closed: ReadonlySet<string>
  readonly header: CanonicalForm
  readonly body: CanonicalForm
  readonly timestamp: boolean
  readonly expireMs?: number
}

export interface Settings {
  readonly activate: 'published' | 'now'
  readonly keys: readonly KeyEntry[]
  readonly rules: readonly Rule[]
  readonly subdomains: boolean
  readonly fallback?: string
  readonly missing: 'defer' | 'unsigned'
  readonly fields: FieldSettings
}

export interface Surroundings {
  /** Where keygen puts keys. */
  readonly folder: string
  readonly configDir: string
  readonly fault: (path: YamlPath, message: string) => Fault
}

export const OWN: ReadonlySet<Origin> = new Set(['local', 'authenticated', 'trusted'])

/** Throws `ConfigError`. */
export function settingsOf(config: Infer<typeof schema>, around: Surroundings): Settings {
  const faults: Fault[] = []
  const keys = config.keys.map((entry, i) => keyEntry(entry, i, config.activate, around, faults))
  for (const [i, key] of keys.entries())
    if (keys.findIndex(one => one.domain === key.domain && one.selector === key.selector) < i)
      faults.push(around.fault(['keys', i], `the key ${key.selector} of ${key.domain} stands here twice`))
  const names = [...config.oversign, ...config.sign]
  // RFC 6376 §5.4: From must be signed, whatever else is.
  if (!names.some(name => name.toLowerCase() === 'from'))
    faults.push(around.fault(['oversign'], 'From must be among `oversign` or `sign`'))
  if (faults.length > 0) throw new ConfigError(faults)
  const [header, body] = config.canonicalization.split('/') as [CanonicalForm, CanonicalForm]
  const expireMs = config.expire === undefined ? undefined : parseDuration(config.expire)
  return {
    activate: config.activate,
    keys,
    rules: config.rules.map(ruleOf),
    subdomains: config.subdomains,
    ...(config.fallback === undefined ? {} : { fallback: ascii(config.fallback) }),
    missing: config.missing,
    fields: {
      names: distinct(names),
      closed: new Set(config.oversign.map(name => name.toLowerCase())),
      header,
      body,
      timestamp: config.timestamp,
      ...(expireMs === undefined ? {} : { expireMs }),
    },
  }
}

/** A field named in both lists is signed once, and closed. */
function distinct(names: readonly string[]): readonly string[] {
  return [...new Map(names.map(name => [name.toLowerCase(), name])).values()]
}

function keyEntry(
  { domain, selector, file, active, until }: Infer<typeof schema>['keys'][number],
  at: number,
  activate: 'published' | 'now',
  { folder, configDir, fault }: Surroundings,
  faults: Fault[],
): KeyEntry {
  const from = active === undefined ? activate : timeOf(active)
  const to = until === undefined ? undefined : timeOf(until)
  if (Number.isNaN(from)) faults.push(fault(['keys', at, 'active'], `"${active}" is no date`))
  if (to !== undefined && (typeof to !== 'number' || Number.isNaN(to)))
    faults.push(fault(['keys', at, 'until'], `expected a date such as 2026-12-01, got "${until}"`))
  const name = ascii(domain)
  return {
    domain: name,
    selector: selector.toLowerCase(),
    file: file === undefined ? keyPath(folder, name, selector) : resolve(configDir, file),
    active: from,
    ...(typeof to === 'number' ? { until: to } : {}),
  }
}

function timeOf(text: string): 'now' | 'published' | number {
  return text === 'now' || text === 'published' ? text : Date.parse(text)
}

function ruleOf(rule: Infer<typeof schema>['rules'][number]): Rule {
  const { from, domain, selectors, submitters, sign } = rule
  return {
    from: from.map(pattern => (pattern === '*' ? pattern : asciiPattern(pattern))),
    ...(domain === undefined ? {} : { domain: ascii(domain) }),
    ...(selectors === undefined ? {} : { selectors: selectors.map(one => one.toLowerCase()) }),
    submitters: submitters === undefined ? OWN : new Set(submitters),
    sign: sign ?? true,
  }
}

function asciiPattern(pattern: string): string {
  return pattern.startsWith('*.') ? `*.${ascii(pattern.slice(2))}` : ascii(pattern)
}

export function ascii(domain: string): string {
  return domainKey(domain)
}

/** Where keygen puts a key; both names are checked before. */
export function keyPath(folder: string, domain: string, selector: string): string {
  return resolve(folder, domain, `${selector.toLowerCase()}.pem`)
}
