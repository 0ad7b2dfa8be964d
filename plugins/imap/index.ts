/**
 * IMAP4rev1 (RFC 3501) as a plugin: it contributes listeners. What it announces is what the commands in `commands/` do.
 */
import { type Connection, definePlugin, doorsOf } from 'posthouse/api'
import { rebuildBlocks } from './blocks/rebuilding.js'
import { CapabilityTable } from './capabilities.js'
import { converse } from './conversation.js'
import { Gate } from './gate.js'
import { Keeper } from './keeper.js'
import { Recents } from './recents.js'
import { type Deps, Session } from './session.js'
import { schema, settingsOf } from './settings.js'

/** Large messages that are held in memory at the same time, in this process. */
const LARGE_AT_ONCE = 4
/** SORTs and THREADs that hold what they go by at the same time, in this process. */
const SORTED_AT_ONCE = 2

export default definePlugin({
  name: 'imap',
  summary: 'Serves mailboxes by IMAP4rev1',
  config: schema,
  needs: ['store', 'authenticator'],
  supplies: ['word-index'],
  setup({ config, services, server, clock, metrics, log, state }) {
    const settings = settingsOf(config, server.maxMessageBytes)
    const gate = new Gate(LARGE_AT_ONCE)
    const store = services.get('store')
    const keeper = new Keeper(store.mail, gate, log, settings.searchBytes)
    const deps: Deps = {
      settings,
      store,
      authenticator: services.get('authenticator'),
      markings: services.find('markings'),
      movements: services.find('movements'),
      server,
      clock,
      metrics,
      recents: new Recents(state, clock, log),
      gate,
      sorting: new Gate(SORTED_AT_ONCE),
      keeper,
      capabilities: new CapabilityTable(settings.disable),
    }
    const serve = (connection: Connection) => converse(new Session(connection, deps))
    return {
      listeners: doorsOf('imap', config, serve, log),
      services: {
        'word-index': { rebuild: (mailbox, signal) => rebuildBlocks(mailbox, gate, settings.searchBytes, signal) },
      },
      // A command may run beside a server, which keeps them up.
      started: () => keeper.start(),
      dispose: () => keeper.stop(),
    }
  },
})
