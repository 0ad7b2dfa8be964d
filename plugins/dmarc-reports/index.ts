/**
 * Reports about mail in somebody's name (DMARC, RFC 7489 §7.2), both ways: counts what `mail-auth` has found of mail from elsewhere and sends the domains
 * that ask for it a report; takes the reports of others about mail in our name, and shows them. Sending and receiving are by wish.
 */
import {
  type Asked,
  claimReport,
  definePlugin,
  type PluginContext,
  type ReportRounds,
  reportTarget,
} from 'posthouse/api'
import { addressKey } from 'posthouse/text'
import { dmarcReportCommands } from './commands.js'
import { dmarcReports, TARGET } from './inbox.js'
import { senderOf } from './sender.js'
import { CONFIG, type Config, type Settings, settingsOf } from './settings.js'
import { type PolicyTally, Tally } from './tally.js'

export default definePlugin({
  name: 'dmarc-reports',
  summary: 'counts what was judged by DMARC, and sends and takes reports about it',
  config: CONFIG,
  setup(context) {
    const { config, fault, state, clock, log, metrics, server, dns, services, purpose } = context
    const settings = settingsOf(config, fault)
    const { receive, keepMs, also, leastMs } = settings
    const parts = { state, clock, log, metrics }
    const tally = new Tally({ ...parts, leastMs })
    const rounds = purpose === 'serve' ? roundsOf(context, settings) : undefined
    const unsigned = config.unsigned === 'keep'
    return {
      hooks: {
        route({ recipient: { address }, envelope, session }) {
          if (!receive.has(addressKey(address))) return undefined
          return claimReport(TARGET, address, envelope.sender, session)
        },
        async decided(asked, call) {
          const { session, envelope, results } = asked
          // The client comes again with all of it.
          if (results.some(({ kind }) => kind === 'deferred')) return
          const how = { source: session.remote.address, envelopeFrom: envelope.sender?.domain ?? '' }
          const judged = { ...how, results, isReport: isReport(asked, receive) }
          const facts = await services.find('mail-auth')?.found(asked, call)
          if (facts !== undefined) tally.note({ ...judged, facts })
        },
      },
      // Who knows the users of our domains would say that there is nobody of that name.
      above: receive.size > 0 ? ['mda'] : [],
      targets: { [TARGET]: reportTarget(dmarcReports(clock), { ...parts, server, dns, keepMs, unsigned, also }) },
      commands: dmarcReportCommands({ state, clock }),
      started() {
        if (services.find('mail-auth') === undefined)
          log.warn({}, 'nothing is counted for reports about DMARC without the plugin mail-auth')
        rounds?.start()
      },
      async dispose() {
        await rounds?.stop()
        await tally.flush()
      },
    }
  },
})

/** It brings a report: counted, but no reason for one. */
function isReport({ envelope, message }: Asked['decided'], receive: ReadonlySet<string>): boolean {
  if (envelope.recipients.every(({ address }) => receive.has(addressKey(address)))) return true
  return /^\s*(?:dmarc aggregate )?report domain:/i.test(message.field('subject') ?? '')
}

function roundsOf(
  context: PluginContext<Config>,
  { from, spreadMs, leastMs }: Settings,
): ReportRounds<PolicyTally> | undefined {
  const { config, state, dns, clock, log, metrics, server, services, signal } = context
  if (!config.send || from === undefined) return undefined
  if (!dns.configured) log.warn({}, 'reports about DMARC wait for the name service, and none is configured')
  return senderOf({
    ...{ state, dns, clock, log, metrics, from, spreadMs, leastMs, signal },
    mailer: services.get('mailer'),
    organization: config.organization ?? server.name,
    server: server.name,
  })
}
