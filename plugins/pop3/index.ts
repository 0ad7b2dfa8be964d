/**
 * POP3 (RFC 1939, 2449, 2595, 5034, 8314) as a plugin: it contributes listeners that serve INBOX.
 * What it announces in CAPA is what the commands in `commands/` do.
 */
import { type Connection, definePlugin, type Listener } from 'posthouse/api'
import { converse } from './conversation.js'
import { type Deps, Session } from './session.js'
import { schema, settingsOf } from './settings.js'

export default definePlugin({
  name: 'pop3',
  summary: 'serves INBOX by POP3',
  config: schema,
  needs: ['store', 'authenticator'],
  setup({ config, services, server, clock, metrics, log }) {
    const deps: Deps = {
      settings: settingsOf(config),
      store: services.get('store'),
      authenticator: services.get('authenticator'),
      server,
      clock,
      metrics,
    }
    const serve = (connection: Connection) => converse(new Session(connection, deps))
    const clientCertificates = config.client_certificates
    const door = (tls: Listener['tls'], stem: string) => (address: string, index: number) =>
      ({
        name: index === 0 ? stem : `${stem}-${index + 1}`,
        protocol: 'pop3',
        address,
        tls,
        clientCertificates,
        serve,
      }) as const
    const listeners = [
      ...config.listen.map(door('starttls', 'pop3')),
      ...config.listen_tls.map(door('implicit', 'pop3s')),
    ]
    if (listeners.length === 0) log.warn({}, 'pop3 listens nowhere: give it `listen` or `listen_tls`')
    return { listeners }
  },
})
