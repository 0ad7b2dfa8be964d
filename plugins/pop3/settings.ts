/** The plugin's part of plugins.yaml, and what becomes of it: numbers in the unit their name ends with. */
import type { Infer, JsonSchema } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'

export const schema = {
  type: 'object',
  description: 'Where POP3 listens, and how patient it is.',
  additionalProperties: false,
  properties: {
    listen: {
      type: 'array',
      description: 'Addresses for POP3 that starts in clear and offers STLS.',
      items: { type: 'string', format: 'endpoint', description: 'Address and port.' },
      default: [],
      examples: [['127.0.0.1:10110']],
    },
    listen_tls: {
      type: 'array',
      description: 'Addresses for POP3 in TLS from the first octet (RFC 8314).',
      items: { type: 'string', format: 'endpoint', description: 'Address and port.' },
      default: [],
      examples: [['127.0.0.1:10995']],
    },
    cleartext_auth: {
      type: 'boolean',
      description: 'Allow logging in without TLS. Passwords can then be read on the way.',
      default: false,
    },
    client_certificates: {
      enum: ['none', 'request', 'require'],
      description: 'Whether clients show a certificate within TLS; needs `tls.client_ca` of server.yaml.',
      default: 'none',
    },
    idle_timeout: {
      type: 'string',
      format: 'duration',
      description:
        'A client that is silent, or does not read, for so long is dropped (RFC 1939 asks for 10 minutes at least).',
      default: '10m',
    },
    login_delay: {
      type: 'string',
      format: 'duration',
      description: 'How long the answer to a wrong password waits.',
      default: '1500ms',
    },
    max_logins: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      description: 'Wrong passwords in one connection before it is closed.',
      default: 5,
    },
    max_bad_commands: {
      type: 'integer',
      minimum: 1,
      maximum: 10000,
      description: 'Commands in a row that make no sense before the connection is closed.',
      default: 20,
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof schema>

export interface Settings {
  readonly cleartextAuth: boolean
  readonly idleTimeoutMs: number
  readonly loginDelayMs: number
  readonly maxLogins: number
  readonly maxBadCommands: number
}

export function settingsOf(config: Config): Settings {
  return {
    cleartextAuth: config.cleartext_auth,
    idleTimeoutMs: durationMs(config.idle_timeout),
    loginDelayMs: durationMs(config.login_delay),
    maxLogins: config.max_logins,
    maxBadCommands: config.max_bad_commands,
  }
}

/** The schema has checked the format already. */
function durationMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`not a duration: ${text}`)
  return ms
}
