/** What an admin may write, and what it comes to. */
import { ConfigError, type Fault, type Infer, type PluginContext } from 'posthouse/api'
import { type AddressParts, addressKey, parseAddress, parseDuration } from 'posthouse/text'

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    send: {
      type: 'boolean',
      default: false,
      description: 'send a report each day to the domains we sent mail to that ask for one',
    },
    from: {
      type: 'string',
      format: 'email',
      description: 'who sends the reports and answers questions; its domain should sign (DKIM). Needed to send',
    },
    organization: { type: 'string', minLength: 1, maxLength: 200, description: 'who we are; left out: our host name' },
    spread: {
      type: 'string',
      format: 'duration',
      default: '4h',
      description: 'reports of a day leave at some moment within this time after its end (UTC)',
    },
    allow_private: {
      type: 'boolean',
      default: false,
      description: 'post reports to addresses in private networks too',
    },
    ca: {
      type: 'string',
      minLength: 1,
      description: 'PEM file of authorities to believe where reports are posted; left out: those Node.js knows',
    },
    receive: {
      type: 'array',
      items: { type: 'string', format: 'email' },
      maxItems: 100,
      default: [],
      description: 'addresses of ours that reports about us come to; such mail is read here and filed nowhere',
    },
    unsigned: {
      enum: ['refuse', 'keep'],
      default: 'refuse',
      description: 'what becomes of reports without a good signature (DKIM) of the reporter',
    },
    keep: {
      type: 'string',
      format: 'duration',
      default: '60d',
      description: 'how long reports about us are kept',
    },
  },
} as const

export type Config = Infer<typeof CONFIG>

export interface Settings {
  readonly from?: AddressParts
  readonly spreadMs: number
  readonly keepMs: number
  /** As `addressKey` writes them. */
  readonly receive: ReadonlySet<string>
}

export function settingsOf(config: Config, fault: PluginContext<Config>['fault']): Settings {
  const faults: Fault[] = []
  const from = config.from === undefined ? undefined : parseAddress(config.from)
  if (config.send && from === undefined)
    faults.push(
      fault(['send'], 'reports need a sender that answers questions; add from: an address of a domain of ours'),
    )
  if (faults.length > 0) throw new ConfigError(faults)
  return {
    ...(from === undefined ? {} : { from }),
    spreadMs: parseDuration(config.spread)!,
    keepMs: parseDuration(config.keep)!,
    receive: new Set(config.receive.flatMap(text => keyOf(text) ?? [])),
  }
}

function keyOf(text: string): string | undefined {
  const address = parseAddress(text)
  return address === undefined ? undefined : addressKey(address)
}
