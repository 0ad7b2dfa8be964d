/**
 * POP3 (RFC 1939, 2449, 2595, 5034, 6856, 8314) as a plugin: it contributes listeners that serve INBOX.
 * What it announces in CAPA is what the commands in `commands/` do; they are loaded by a server alone, not by commands.
 */
import { type Connection, definePlugin, doorsOf } from 'posthouse/api'
import type { Deps } from './session.js'
import { schema, settingsOf } from './settings.js'

export default definePlugin({
  name: 'pop3',
  summary: 'serves INBOX by POP3',
  config: schema,
  needs: ['store', 'state', 'authenticator'],
  setup({ config, services, server, clock, metrics, log }) {
    const deps: Deps = {
      settings: settingsOf(config),
      store: services.get('store'),
      state: services.get('state'),
      authenticator: services.get('authenticator'),
      server,
      clock,
      metrics,
      movements: services.find('movements'),
    }
    const load = async () => {
      const [{ converse }, { Session }] = await Promise.all([import('./conversation.js'), import('./session.js')])
      return (connection: Connection) => converse(new Session(connection, deps))
    }
    let loading: ReturnType<typeof load> | undefined
    const loaded = () => (loading ??= load())
    const serve = async (connection: Connection) => (await loaded())(connection)
    return { listeners: doorsOf('pop3', config, { loaded, serve }, log), loadRest: loaded }
  },
})
