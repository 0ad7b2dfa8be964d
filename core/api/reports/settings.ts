/** Keys of `with:` that all plugins have which send and take reports, and what they come to. */
import { type AddressParts, addressKey, parseAddress } from '../../text/address.js'
import { parseDuration } from '../../text/units.js'
import { ConfigError, type PluginContext } from '../plugin.js'
import type { Infer } from '../schema.js'

export const REPORT_KEYS = {
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
  receive: {
    type: 'array',
    items: { type: 'string', format: 'email' },
    maxItems: 100,
    default: [],
    description: 'addresses of ours that reports about us come to; such mail is read here and filed nowhere',
  },
  keep: { type: 'string', format: 'duration', default: '60d', description: 'how long reports about us are kept' },
} as const

type ReportConfig = { readonly send: boolean } & Infer<{
  readonly type: 'object'
  readonly additionalProperties: false
  readonly properties: typeof REPORT_KEYS
}>

export interface ReportTerms {
  readonly from?: AddressParts
  readonly spreadMs: number
  readonly keepMs: number
  /** As `addressKey` writes them. */
  readonly receive: ReadonlySet<string>
}

export function reportTerms(config: ReportConfig, fault: PluginContext<unknown>['fault']): ReportTerms {
  const from = config.from === undefined ? undefined : parseAddress(config.from)
  if (config.send && from === undefined)
    throw new ConfigError([
      fault(['send'], 'reports need a sender that answers questions; add from: an address of a domain of ours'),
    ])
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
