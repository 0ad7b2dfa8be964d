/** The shipped list of brands that phishing borrows: rules/look-alikes/brands.yaml, checked as an admin's own files are. */
import { fileURLToPath } from 'node:url'
import { ConfigError, type Files, type Infer, type JsonSchema } from 'posthouse/api'

const DOMAINS = { type: 'array', items: { type: 'string', format: 'domain' }, maxItems: 1000 } as const
const PHRASES = { type: 'array', items: { type: 'string', minLength: 2, maxLength: 60 }, maxItems: 1000 } as const
const WORDS = { type: 'array', items: { type: 'string', pattern: '^[a-z0-9-]{3,60}$' }, maxItems: 100 } as const

/** A brand as an admin may add one. */
export const BRAND = {
  type: 'object',
  additionalProperties: false,
  required: ['brand', 'domains'],
  properties: {
    brand: { type: 'string', minLength: 2, maxLength: 60, description: 'as people write it' },
    names: { ...PHRASES, description: 'how a display name claims it, as whole words; left out: the brand itself' },
    alone: {
      type: 'boolean',
      default: false,
      description:
        'the name is that of people or of others too: claimed only where nothing but words of service stands beside it',
    },
    domains: { ...DOMAINS, minItems: 1, description: 'its own; names below them are its own too' },
    words: {
      ...WORDS,
      description: 'parts of a host that stand for it elsewhere, as `paypal` in paypal-login.example; left out: none',
    },
  },
} as const satisfies JsonSchema

const FILE = {
  type: 'object',
  additionalProperties: false,
  required: ['brands', 'neighbours', 'plain', 'service', 'lures'],
  properties: {
    brands: { type: 'array', items: BRAND, maxItems: 5000 },
    neighbours: { ...DOMAINS, description: 'honest names that come close to one of those' },
    plain: { ...WORDS, description: 'labels that are words of their own, though one letter from one of a brand' },
    service: { ...PHRASES, description: 'words beside the name of a brand that make it no other name' },
    lures: { ...PHRASES, description: 'words that want something of the reader; `expire*` is the start of a word' },
  },
} as const satisfies JsonSchema

export type Brand = Infer<typeof BRAND>
export type Brands = Infer<typeof FILE>

export async function shippedBrands(files: Files): Promise<Brands> {
  const path = fileURLToPath(new URL('../../../rules/look-alikes/brands.yaml', import.meta.url))
  const { value, faults, fault } = await files.yaml(path, FILE, { large: true })
  if (value === undefined)
    throw new ConfigError(faults.length > 0 ? faults : [fault([], 'the list of brands is not there')])
  return value
}
