/** What an admin may write, and what it comes to. */
import { type Infer, type PluginContext, REPORT_KEYS, type ReportTerms, reportTerms } from 'posthouse/api'
import { parseDuration, toAsciiDomain } from 'posthouse/text'

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    send: {
      type: 'boolean',
      default: false,
      description: 'send reports to the domains in whose name mail came that ask for them',
    },
    from: REPORT_KEYS.from,
    organization: REPORT_KEYS.organization,
    spread: REPORT_KEYS.spread,
    shortest: {
      type: 'string',
      format: 'duration',
      default: '1d',
      description: 'a domain may ask for reports more often than once a day (ri), down to this',
    },
    receive: REPORT_KEYS.receive,
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
    keep: REPORT_KEYS.keep,
  },
} as const

export type Config = Infer<typeof CONFIG>

export interface Settings extends ReportTerms {
  readonly leastMs: number
  /** In A-labels. */
  readonly also: ReadonlySet<string>
}

export function settingsOf(config: Config, fault: PluginContext<Config>['fault']): Settings {
  return {
    ...reportTerms(config, fault),
    leastMs: parseDuration(config.shortest)!,
    also: new Set(config.also.map(domain => toAsciiDomain(domain) ?? domain)),
  }
}
