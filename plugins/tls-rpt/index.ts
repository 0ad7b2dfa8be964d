/**
 * Reports about TLS (RFC 8460), both ways: counts how TLS to other mail servers goes and sends the domains that ask for it a report each day; takes the
 * reports of others about mail to us, and shows them. Counting is always on; sending and receiving are by wish.
 */
import { readFile } from 'node:fs/promises'
import {
  claimReport,
  definePlugin,
  type PluginContext,
  type ReportRounds,
  type ReportTerms,
  reportTarget,
  reportTerms,
} from 'posthouse/api'
import { addressKey } from 'posthouse/text'
import { tlsReportCommands } from './commands.js'
import { TARGET, TLS_REPORTS } from './inbox.js'
import { senderOf } from './sender.js'
import { CONFIG, type Config } from './settings.js'
import { type DomainTally, Tally } from './tally.js'

const POST_MS = 20_000

export default definePlugin({
  name: 'tls-rpt',
  summary: 'counts how TLS to others goes, and sends and takes reports about it (TLS-RPT)',
  config: CONFIG,
  supplies: ['tls-results'],
  async setup(context) {
    const { config, fault, state, clock, log, metrics, server, dns } = context
    const settings = reportTerms(config, fault)
    const parts = { state, clock, log, metrics }
    const tally = new Tally(parts)
    const unsigned = config.unsigned === 'keep'
    const sender = context.purpose === 'serve' ? await roundsOf(context, settings) : undefined
    return {
      services: { 'tls-results': tally },
      hooks: {
        route({ recipient: { address }, envelope, session }) {
          if (!settings.receive.has(addressKey(address))) return undefined
          return claimReport(TARGET, address, envelope.sender, session)
        },
      },
      // Who knows the users of our domains would say that there is nobody of that name.
      above: settings.receive.size > 0 ? ['mda'] : [],
      targets: { [TARGET]: reportTarget(TLS_REPORTS, { ...parts, server, dns, keepMs: settings.keepMs, unsigned }) },
      commands: tlsReportCommands({ state, clock }),
      started: () => sender?.start(),
      async dispose() {
        await sender?.stop()
        await tally.flush()
      },
    }
  },
})

async function roundsOf(
  context: PluginContext<Config>,
  { from, spreadMs }: ReportTerms,
): Promise<ReportRounds<DomainTally> | undefined> {
  const { config, state, dns, clock, log, metrics, server, services, files, signal } = context
  if (!config.send || from === undefined) return undefined
  if (!dns.configured) log.warn({}, 'reports about TLS wait for the name service, and none is configured')
  const ca = config.ca === undefined ? undefined : await readFile(files.resolve(config.ca), 'utf8')
  return senderOf({
    ...{ state, dns, clock, log, metrics, from, spreadMs, signal },
    mailer: services.get('mailer'),
    organization: config.organization ?? server.name,
    posting: { allowPrivate: config.allow_private, timeoutMs: POST_MS, ...(ca === undefined ? {} : { ca }) },
    server: server.name,
  })
}
