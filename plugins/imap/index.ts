/**
 * IMAP4rev1 (RFC 3501) as a plugin: it contributes listeners. What it announces is what the commands in `commands/` do.
 */
import { type Connection, definePlugin, type Listener } from 'posthouse/api'
import { capabilitiesOf, converse } from './conversation.js'
import { Gate } from './gate.js'
import { Recents } from './recents.js'
import { type Deps, Session } from './session.js'
import { schema, settingsOf } from './settings.js'

/** Large messages that are held in memory at the same time, in this process. */
const LARGE_AT_ONCE = 4

export default definePlugin({
  name: 'imap',
  summary: 'Serves mailboxes by IMAP4rev1',
  config: schema,
  needs: ['store', 'authenticator'],
  setup({ config, services, server, clock, metrics, log, state }) {
    const deps: Deps = {
      settings: settingsOf(config, server.maxMessageBytes),
      store: services.get('store'),
      authenticator: services.get('authenticator'),
      server,
      clock,
      metrics,
      recents: new Recents(state, clock, log),
      gate: new Gate(LARGE_AT_ONCE),
      capabilities: capabilitiesOf,
    }
    const serve = (connection: Connection) => converse(new Session(connection, deps))
    const clientCertificates = config.client_certificates
    const door = (tls: Listener['tls'], stem: string) => (address: string, index: number) =>
      ({
        name: index === 0 ? stem : `${stem}-${index + 1}`,
        protocol: 'imap',
        address,
        tls,
        clientCertificates,
        serve,
      }) as const
    const listeners = [
      ...config.listen.map(door('starttls', 'imap')),
      ...config.listen_tls.map(door('implicit', 'imaps')),
    ]
    if (listeners.length === 0) log.warn({}, 'imap listens nowhere: give it `listen` or `listen_tls`')
    return { listeners }
  },
})
