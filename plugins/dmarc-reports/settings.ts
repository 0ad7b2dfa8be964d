/** What an admin may write, and what it comes to. */
import { ConfigError, type Infer, type PluginContext } from 'posthouse/api'
import { type AddressParts, addressKey, parseAddress, parseDuration, toAsciiDomain } from 'posthouse/text'

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    send: {
      type: 'boolean',
      default: false,
      description: 'send reports to the domains in whose name mail came that ask for them',
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
    shortest: {
      type: 'string',
      format: 'duration',
      default: '1d',
      description: 'a domain may ask for reports more often than once a day (ri), down to this',
    },
    receive: {
      type: 'array',
      items: { type: 'string', format: 'email' },
      maxItems: 100,
      default: [],
      description: 'addresses of ours that reports about us come to; such mail is read here and filed nowhere',
    },
    also: {
      type: 'array',
      items: { type: 'string', format: 'domain' },
      maxItems: 10_000,
      default: [],
      description: 'domains beside those of server.yaml that reports to us may speak of, with all names below them',
    },
    unsigned: {
      enum: ['refuse', 'keep'],
      default: 'refuse',
      description: 'what becomes of reports without a good signature (DKIM) of the domain in From',
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
  readonly leastMs: number
  readonly keepMs: number
  /** As `addressKey` writes them. */
  readonly receive: ReadonlySet<string>
  /** In A-labels. */
  readonly also: ReadonlySet<string>
}

export function settingsOf(config: Config, fault: PluginContext<Config>['fault']): Settings {
  const from = config.from === undefined ? undefined : parseAddress(config.from)
  if (config.send && from === undefined)
    throw new ConfigError([
      fault(['send'], 'reports need a sender that answers questions; add from: an address of a domain of ours'),
    ])
  return {
    ...(from === undefined ? {} : { from }),
    spreadMs: parseDuration(config.spread)!,
    leastMs: parseDuration(config.shortest)!,
    keepMs: parseDuration(config.keep)!,
    receive: new Set(config.receive.flatMap(text => keyOf(text) ?? [])),
    also: new Set(config.also.map(domain => toAsciiDomain(domain) ?? domain)),
  }
}

function keyOf(text: string): string | undefined {
  const address = parseAddress(text)
  return address === undefined ? undefined : addressKey(address)
}
