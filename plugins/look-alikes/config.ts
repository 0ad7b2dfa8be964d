/** The keys of `with:`, and the same made ready for use. */
import { type Infer, type JsonSchema, pointsOf, type ServerFacts } from 'posthouse/api'
import { domainKey, parseAddress, toAsciiDomain } from 'posthouse/text'
import { BRAND, type Brand, type Brands } from './brands.js'
import { lurePattern, type World } from './judge.js'
import { phraseOf, wordsOf } from './names.js'
import { chosenLabel, ProtectedNames } from './protected.js'

const DOMAINS = { type: 'array', items: { type: 'string', format: 'domain' }, maxItems: 50_000, default: [] } as const

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    domains: {
      ...DOMAINS,
      description: 'domains that others may be taken for, beside our own and those of brands: partners, banks',
    },
    neighbours: { ...DOMAINS, description: 'honest domains that come close to a protected one' },
    people: {
      type: 'array',
      maxItems: 1000,
      default: [],
      description: 'people whose name strangers may borrow, with the addresses they do write from outside',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: {
          name: {
            type: 'string',
            minLength: 5,
            maxLength: 100,
            pattern: '\\S\\s+\\S',
            description: 'first and last name',
          },
          addresses: { type: 'array', items: { type: 'string', format: 'email' }, maxItems: 50, default: [] },
        },
      },
    },
    brands: { type: 'array', items: BRAND, maxItems: 1000, default: [], description: 'brands beside the shipped ones' },
    without_brands: {
      type: 'array',
      items: { type: 'string' },
      maxItems: 1000,
      default: [],
      description: 'shipped brands that are not looked for',
    },
    forwarders: {
      ...DOMAINS,
      maxItems: 10_000,
      description:
        'lists and forwarders that may carry mail of our domains back to us, when they have signed it or send it by SPF',
    },
    enforce: {
      enum: ['off', 'quarantine', 'reject'],
      default: 'off',
      description:
        'what is done with mail in the name of our domains from outside that SPF and DKIM show to be forged: nothing beside points, Junk, or 550',
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'what findings weigh; 0 leaves one out',
      properties: {
        sender_looks_like: pointsOf(3),
        sender_one_slip: pointsOf(1.5),
        sender_other_ending: pointsOf(0.5),
        sender_holds_brand: pointsOf(2),
        sender_mixed_scripts: pointsOf(2),
        name_claims_brand: pointsOf(3.5),
        brand_with_lure: pointsOf(2),
        name_claims_person: pointsOf(3),
        name_holds_address: pointsOf(2.5),
        name_odd_characters: pointsOf(3),
        name_mixed_scripts: pointsOf(3),
        link_looks_like: pointsOf(2.5),
        link_one_slip: pointsOf(1),
        link_other_ending: pointsOf(0.3),
        link_holds_brand: pointsOf(1.5),
        link_mixed_scripts: pointsOf(1.5),
        link_odd_characters: pointsOf(2),
        link_shows_other: pointsOf(1.5),
        link_hides_name: pointsOf(2),
        link_to_number: pointsOf(2.5),
        file_odd_characters: pointsOf(2.5),
        reply_elsewhere: pointsOf(0.5),
        bounces_elsewhere: pointsOf(0.2),
        own_domain_forged: pointsOf(2.5),
        own_domain_unproven: pointsOf(0.5),
      },
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof CONFIG>
export type PointName = keyof Config['points']

export interface Terms {
  readonly points: Readonly<Record<PointName, number>>
  readonly enforce: Config['enforce']
}

/** Shorter labels of our own are words like others. */
const LEAST_OWN_WORD = 8

/** Everything that mail is held against. Our own names come first: what looks like two is told as ours. */
export function worldOf(
  config: Config,
  shipped: Brands,
  server: Pick<ServerFacts, 'domains'>,
  known: World['known'] = () => undefined,
): World {
  const names = new ProtectedNames()
  const left = new Set(config.without_brands.map(brand => wordsOf(brand)))
  const brands = [...config.brands, ...shipped.brands.filter(({ brand }) => !left.has(wordsOf(brand)))]
  for (const [kind, domains] of [
    ['own', server.domains],
    ['listed', config.domains],
  ] as const) {
    for (const domain of asciiDomains(domains)) names.add({ kind, title: domain }, [domain], longLabel(domain))
  }
  for (const { brand, domains, words = [] } of brands)
    names.add({ kind: 'brand', title: brand }, asciiDomains(domains), words)
  names.spareWords(shipped.plain)
  names.spare(asciiDomains([...shipped.neighbours, ...config.neighbours]))
  return {
    ...{ names, known, own: server.domains },
    brands: brands.map(claimed),
    service: new Set(shipped.service.map(word => wordsOf(word).trim())),
    people: config.people.map(({ name, addresses }) => ({
      name,
      words: wordsOf(name).trim().split(' ').map(phraseOf),
      addresses: addresses.map(inLowerCase),
    })),
    forwarders: new Set(asciiDomains(config.forwarders)),
    lures: lurePattern(shipped.lures),
  }
}

function claimed({ brand, names, alone, domains }: Brand) {
  return { brand, alone, phrases: (names ?? [brand]).map(phraseOf), domains: asciiDomains(domains) }
}

function longLabel(domain: string): readonly string[] {
  const label = chosenLabel(domain) ?? ''
  return label.length < LEAST_OWN_WORD ? [] : [label]
}

function asciiDomains(domains: Iterable<string>): string[] {
  return [...domains].map(domain => domainKey(domain))
}

function inLowerCase(text: string): string {
  const address = parseAddress(text)
  return address === undefined
    ? text.toLowerCase()
    : `${address.local}@${toAsciiDomain(address.domain) ?? address.domain}`.toLowerCase()
}
