/** The keys of `with:`, and the zones made ready for use. */
import { isIPv4 } from 'node:net'
import type { Fault, Infer, JsonSchema, YamlPath } from 'posthouse/api'
import { NetworkSet, parseDuration, parseEndpoint, toAsciiDomain } from 'posthouse/text'

const ZONE = {
  type: 'object',
  additionalProperties: false,
  required: ['zone'],
  properties: {
    zone: { type: 'string', format: 'domain', description: 'its name' },
    kind: { enum: ['block', 'allow'], default: 'block', description: 'which entries of the list stand in it' },
    serves: {
      type: 'array',
      items: { enum: ['addresses', 'names', 'links'] },
      minItems: 1,
      uniqueItems: true,
      default: ['addresses', 'names'],
      description: 'what may be asked for: reversed addresses, names, and names that links lead to',
    },
    code: { type: 'string', default: '127.0.0.2', description: 'the answer for entries that name no code' },
    text: {
      type: 'string',
      minLength: 1,
      maxLength: 300,
      default: '{asked} is listed by {zone}: {reason}',
      description: 'what TXT says; {asked}, {entry}, {reason} and {zone} are put in',
    },
    ttl: { type: 'string', format: 'duration', default: '5m', description: 'how long others may keep an answer' },
    negative_ttl: { type: 'string', format: 'duration', default: '1m', description: 'how long they may keep a "no"' },
    ns: {
      type: 'array',
      items: { type: 'string', format: 'domain' },
      minItems: 1,
      maxItems: 13,
      description: 'names of its servers; left out: our host name',
    },
    contact: { type: 'string', format: 'email', description: 'who answers for it; left out: hostmaster at the zone' },
  },
} as const satisfies JsonSchema

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  required: ['zones'],
  properties: {
    listen: {
      type: 'array',
      items: { type: 'string', format: 'endpoint' },
      minItems: 1,
      maxItems: 20,
      default: ['127.0.0.1:5300'],
      description: 'addresses and ports, each by UDP and by TCP',
    },
    allow: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      maxItems: 10_000,
      default: ['127.0.0.0/8', '::1'],
      description: 'who may ask; all others hear REFUSED',
    },
    rate: {
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      default: 500,
      description: 'answers by UDP to one network (/24, /56) in a second, by each worker; 0: as many as are asked for',
    },
    zones: { type: 'array', items: ZONE, minItems: 1, maxItems: 50, description: 'what is served' },
  },
} as const satisfies JsonSchema

const LONGEST_TTL_MS = 7 * 86_400_000

export type Config = Infer<typeof CONFIG>

export interface Zone {
  /** A-labels in lower case. */
  readonly name: string
  readonly labels: readonly string[]
  readonly kind: 'block' | 'allow'
  readonly serves: ReadonlySet<'addresses' | 'names' | 'links'>
  readonly code: string
  readonly text: string
  /** Seconds. */
  readonly ttl: number
  readonly negativeTtl: number
  readonly ns: readonly string[]
  /** RFC 1035 §8: a mailbox as a name. */
  readonly contact: string
}

export interface Terms {
  readonly listen: readonly string[]
  readonly allow: NetworkSet
  readonly rate: number
  readonly zones: readonly Zone[]
}

export function termsOf({ listen, allow, rate, zones }: Config, serverName: string): Terms {
  return { listen, rate, allow: new NetworkSet(allow), zones: zones.map(zone => zoneOf(zone, serverName)) }
}

function zoneOf(zone: Config['zones'][number], serverName: string): Zone {
  const name = ascii(zone.zone)
  const seconds = (text: string) => Math.max(0, Math.round(parseDuration(text)! / 1000))
  return {
    name,
    labels: name.split('.'),
    kind: zone.kind,
    serves: new Set(zone.serves),
    code: zone.code,
    text: zone.text,
    ttl: seconds(zone.ttl),
    negativeTtl: seconds(zone.negative_ttl),
    ns: (zone.ns ?? [serverName]).map(ascii),
    contact: contactOf(zone.contact ?? `hostmaster@${name}`),
  }
}

/** A dot of the local part has a backslash before it. */
function contactOf(address: string): string {
  const at = address.lastIndexOf('@')
  return `${address.slice(0, at).replaceAll('.', '\\.')}.${ascii(address.slice(at + 1))}`
}

function ascii(domain: string): string {
  return toAsciiDomain(domain.replace(/\.$/, '')) ?? domain.toLowerCase()
}

/** What the schema cannot find. */
export function faultsIn(
  { listen, zones }: Config,
  fault: (path: YamlPath, message: string) => Fault,
): readonly Fault[] {
  const names = zones.map(({ zone }) => ascii(zone))
  return [
    ...listen.flatMap((address, at) =>
      parseEndpoint(address)?.kind === 'unix'
        ? [fault(['listen', at], 'expected an address and a port: nobody asks by a Unix socket')]
        : [],
    ),
    ...zones.flatMap(({ code }, at) =>
      isIPv4(code) && code.startsWith('127.') && code !== '127.0.0.1' && !code.startsWith('127.255.255.')
        ? []
        : [
            fault(
              ['zones', at, 'code'],
              `"${code}": expected an address in 127.0.0.0/8 that says something, as 127.0.0.2`,
            ),
          ],
    ),
    // RFC 1035 §2.3.4: it becomes a label.
    ...zones.flatMap(({ contact = '' }, at) =>
      contact.lastIndexOf('@') > 63
        ? [fault(['zones', at, 'contact'], 'expected at most 63 characters before the @')]
        : [],
    ),
    // Nothing but the list is in a zone: nobody would find such a server's address.
    ...zones.flatMap(({ ns = [] }, at) =>
      ns.flatMap((server, which) =>
        `.${ascii(server)}`.endsWith(`.${names[at]}`)
          ? [fault(['zones', at, 'ns', which], `"${server}" lies in the zone itself, which cannot say its address`)]
          : [],
      ),
    ),
    // RFC 2181 §8 ends at 68 years; whoever writes that much means something else.
    ...zones.flatMap((zone, at) =>
      (['ttl', 'negative_ttl'] as const).flatMap(key =>
        parseDuration(zone[key])! > LONGEST_TTL_MS
          ? [fault(['zones', at, key], `"${zone[key]}": expected at most a week`)]
          : [],
      ),
    ),
    ...names.flatMap((name, at) =>
      names.indexOf(name) < at ? [fault(['zones', at, 'zone'], `there is a zone ${name} already`)] : [],
    ),
  ]
}
