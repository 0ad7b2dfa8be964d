/**
 * The plugin's part of plugins.yaml, and what becomes of it: numbers in the unit their name ends with.
 */
import { type DoorSettings, doorKeys, doorSettings, type Infer, type JsonSchema } from 'posthouse/api'
import { parseDuration, parseSize } from 'posthouse/text'
import { type CapabilityName, SWITCHABLE } from './wire/features.js'

export const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...doorKeys('IMAP', 'STARTTLS', [10143, 10993]),
    idle_timeout: {
      type: 'string',
      format: 'duration',
      description:
        'A logged-in client that is silent for so long is sent away (RFC 3501 asks for 30 minutes at least).',
      default: '30m',
    },
    login_timeout: {
      type: 'string',
      format: 'duration',
      description: 'How long a client that has not logged in may be silent.',
      default: '1m',
    },
    write_timeout: {
      type: 'string',
      format: 'duration',
      description: 'How long we wait for a client that does not read what it asked for.',
      default: '5m',
    },
    keepalive: {
      type: 'string',
      format: 'duration',
      description:
        'While a client idles it hears from us so often, so that no router on the way forgets the connection.',
      default: '2m',
    },
    max_line: {
      type: 'string',
      format: 'size',
      description: 'Longest command line, and most that the strings of one command may hold together.',
      default: '64KB',
    },
    max_bad_commands: {
      type: 'integer',
      minimum: 1,
      maximum: 10000,
      description: 'Commands in a row that are answered BAD before the connection is closed.',
      default: 20,
    },
    max_mailboxes: {
      type: 'integer',
      minimum: 10,
      description: 'Most mailboxes, and most subscriptions, of one account.',
      default: 5000,
    },
    search_size: {
      type: 'string',
      format: 'size',
      description: 'How much of a message SEARCH looks at for BODY and TEXT.',
      default: '8MB',
    },
    search_timeout: {
      type: 'string',
      format: 'duration',
      description: 'Longest that one SEARCH may take.',
      default: '1m',
    },
    disable: {
      type: 'array',
      items: { enum: SWITCHABLE },
      uniqueItems: true,
      description:
        'Capabilities this server does without; what cannot be without them is off too. An account may do without more.',
      default: [] as readonly CapabilityName[],
      examples: [['COMPRESS=DEFLATE']],
    },
    literals: {
      enum: ['LITERAL+', 'LITERAL-'],
      description:
        'Which literals clients may send without waiting (RFC 7888): of any size, or only up to 4096 octets.',
      default: 'LITERAL+',
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof schema>

export interface Settings extends DoorSettings {
  readonly idleTimeoutMs: number
  readonly loginTimeoutMs: number
  readonly writeTimeoutMs: number
  readonly keepaliveMs: number
  readonly maxLineBytes: number
  readonly maxBadCommands: number
  readonly maxMailboxes: number
  readonly searchBytes: number
  readonly searchTimeoutMs: number
  /** Capabilities this server does without. */
  readonly disable: readonly CapabilityName[]
  readonly literals: 'LITERAL+' | 'LITERAL-'
  /** Largest message APPEND takes. */
  readonly maxMessageBytes: number
}

export function settingsOf(config: Config, maxMessageBytes: number): Settings {
  return {
    ...doorSettings(config),
    idleTimeoutMs: durationMs(config.idle_timeout),
    loginTimeoutMs: durationMs(config.login_timeout),
    writeTimeoutMs: durationMs(config.write_timeout),
    keepaliveMs: durationMs(config.keepalive),
    maxLineBytes: sizeBytes(config.max_line),
    maxBadCommands: config.max_bad_commands,
    maxMailboxes: config.max_mailboxes,
    searchBytes: sizeBytes(config.search_size),
    searchTimeoutMs: durationMs(config.search_timeout),
    disable: config.disable,
    literals: config.literals,
    maxMessageBytes,
  }
}

function durationMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`not a duration: ${text}`)
  return ms
}

function sizeBytes(text: string): number {
  const bytes = parseSize(text)
  if (bytes === undefined) throw new Error(`not a size: ${text}`)
  return bytes
}
