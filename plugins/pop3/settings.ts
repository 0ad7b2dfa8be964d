/** The plugin's part of plugins.yaml, and what becomes of it: numbers in the unit their name ends with. */
import { type DoorSettings, doorKeys, doorSettings, type Infer, type JsonSchema } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { LANGUAGES, type Language } from './texts/languages.js'

export const schema = {
  type: 'object',
  description: 'Where POP3 listens, and how patient it is.',
  additionalProperties: false,
  properties: {
    ...doorKeys('POP3', 'STLS', [10110, 10995]),
    idle_timeout: {
      type: 'string',
      format: 'duration',
      description:
        'A client that is silent, or does not read, for so long is dropped (RFC 1939 asks for 10 minutes at least).',
      default: '10m',
    },
    login_interval: {
      type: 'string',
      format: 'duration',
      description: 'What has to pass between two logins of an account (LOGIN-DELAY), over all workers; 0s: nothing.',
      default: '0s',
    },
    language: {
      enum: LANGUAGES,
      description: 'Of what people may read of the answers, for clients that choose none by LANG.',
      default: 'en',
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

export interface Settings extends DoorSettings {
  readonly idleTimeoutMs: number
  readonly maxBadCommands: number
  readonly loginIntervalMs: number
  readonly language: Language
}

export function settingsOf(config: Config): Settings {
  return {
    ...doorSettings(config),
    idleTimeoutMs: durationMs(config.idle_timeout),
    maxBadCommands: config.max_bad_commands,
    loginIntervalMs: durationMs(config.login_interval),
    language: config.language,
  }
}

/** The schema has checked the format already. */
function durationMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`not a duration: ${text}`)
  return ms
}
