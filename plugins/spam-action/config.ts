/** What may stand under `with`: thresholds for everybody, and other ones by listener, recipient domain and user. */
import type { Infer } from 'posthouse/api'

/** A sum, or `off`: never. */
const LINE = { anyOf: [{ type: 'number', minimum: -1000, maximum: 1000 }, { enum: ['off'] }] } as const

const LINES = {
  greylist: {
    ...LINE,
    description:
      'from this sum on: ask to come again, once, if nobody here knows the sender yet; needs the entry greylist',
  },
  header: { ...LINE, description: 'from this sum on: X-Spam-Flag: YES; left out: as junk' },
  junk: { ...LINE, description: 'from this sum on: quarantine (Junk for local mail, a hold for mail going out)' },
  reject: { ...LINE, description: 'from this sum on: refuse with 550' },
} as const

const OWN = {
  type: 'object',
  default: {},
  additionalProperties: { type: 'object', additionalProperties: false, properties: LINES },
} as const

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    greylist: { ...LINES.greylist, default: 'off' },
    header: LINES.header,
    junk: { ...LINES.junk, default: 5 },
    reject: { ...LINES.reject, default: 15 },
    listeners: { ...OWN, description: 'other thresholds for mail by a listener' },
    domains: { ...OWN, description: 'other thresholds for recipients of a domain; they go before those of a listener' },
    users: {
      ...OWN,
      description:
        'other thresholds by login; they go before those of a domain, and those of the command line before them',
    },
    text: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      default: 'Message refused as spam',
      description: 'what a refused sender is told',
    },
    headers: { type: 'boolean', default: true, description: 'write X-Spam-Score, X-Spam-Status and X-Spam-Report' },
    headers_for: {
      enum: ['local', 'all'],
      default: 'local',
      description:
        'into whose copies: those of our mailboxes, or also those that go on to elsewhere (a server behind this one)',
    },
  },
} as const

export type Settings = Infer<typeof CONFIG>
