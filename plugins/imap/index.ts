/**
 * IMAP4rev1 (RFC 3501) as a plugin: it contributes listeners. What it announces is what the commands in `commands/` do.
 * Its hundred modules are loaded by a server alone, not by commands.
 */
import { definePlugin, doorsOf } from 'posthouse/api'
import type { Serving } from './serving.js'
import { schema, settingsOf } from './settings.js'

export default definePlugin({
  name: 'imap',
  summary: 'Serves mailboxes by IMAP4rev1',
  config: schema,
  needs: ['store', 'authenticator'],
  supplies: ['word-index'],
  setup(context) {
    const { config, server, log } = context
    const settings = settingsOf(config, server.maxMessageBytes)
    let loading: Promise<Serving> | undefined
    let loaded: Serving | undefined
    const load = async () => {
      const { Serving } = await import('./serving.js')
      loaded = new Serving(settings, context)
      return loaded
    }
    const serving = () => (loading ??= load())
    return {
      listeners: doorsOf(
        'imap',
        config,
        { loaded: serving, serve: async connection => (await serving()).serve(connection) },
        log,
      ),
      services: {
        'word-index': { rebuild: async (mailbox, signal) => (await serving()).rebuild(mailbox, signal) },
      },
      loadRest: serving,
      // A command may run beside a server, which keeps them up.
      started: () => loaded?.keeper.start(),
      dispose: () => loaded?.keeper.stop(),
    }
  },
})
