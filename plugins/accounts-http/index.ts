/**
 * Accounts of an application that is asked over HTTP: a source of the service `accounts`, and the `auth` hook that has it check passwords. What is
 * asked and answered stands in the README; nothing is asked before somebody is asked about.
 */
import { definePlugin } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { Asker } from './asking.js'
import { Directory } from './directory.js'
import { CONFIG, readSettings } from './settings.js'

export default definePlugin({
  name: 'accounts-http',
  summary: 'accounts and passwords of an application, asked over HTTP',
  config: CONFIG,
  supplies: ['accounts'],
  async setup(context) {
    const { config, server, clock, metrics } = context
    const ms = (text: string) => parseDuration(text) ?? 0
    const secrets = await readSettings(config, context)
    const { name, url, connections, waiting } = config
    const asker = new Asker({ name, url, connections, waiting, timeoutMs: ms(config.timeout), clock, ...secrets })
    const directory = new Directory(config, asker, server.domains, {
      rememberWhileDownMs: ms(config.remember_while_down),
      now: () => clock.now(),
      metrics,
    })
    return {
      services: { accounts: directory },
      ...(config.passwords === 'ask' && {
        hooks: { auth: ({ peer, credentials }, call) => directory.check(peer, credentials, call.log) },
      }),
      dispose: () => asker.close(),
    }
  },
})
