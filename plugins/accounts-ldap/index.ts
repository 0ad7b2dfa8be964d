/**
 * Accounts of an LDAP directory: a source of the service `accounts`, and the `auth` hook that has the directory check passwords. Nothing is ever
 * written there. Servers are spoken to only when somebody is asked about, so a directory that is down holds up no start.
 */
import { definePlugin } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { Directory } from './directory.js'
import { Servers } from './servers.js'
import { CONFIG, readSettings } from './settings.js'
import { readServer } from './socket.js'
import { Verifier } from './verifier.js'

export default definePlugin({
  name: 'accounts-ldap',
  summary: 'accounts and passwords of an LDAP directory',
  config: CONFIG,
  supplies: ['accounts'],
  async setup(context) {
    const { config, server, clock, log, metrics } = context
    const { ca, password } = await readSettings(config, context)
    const ms = (text: string) => parseDuration(text) ?? 0
    const list = config.servers.map(url => readServer(url, config.tls))
    const clear = list.filter(({ tls }) => tls === 'none').map(({ url }) => url)
    if (clear.length > 0) log.warn({ servers: clear }, 'passwords go to the directory in clear')
    const servers = new Servers({
      servers: list,
      socket: {
        timeoutMs: ms(config.timeout),
        ...(ca !== undefined && { ca }),
        ...(config.server_name !== undefined && { serverName: config.server_name }),
      },
      ...(config.bind_dn !== undefined && password !== undefined && { service: { dn: config.bind_dn, password } }),
      connections: config.connections,
      waiting: config.waiting,
      clock,
      log,
    })
    const directory = new Directory(config, servers, server.domains)
    const verifier = new Verifier({
      directory,
      servers,
      base: config.base,
      rememberMs: ms(config.remember),
      rememberWhileDownMs: ms(config.remember_while_down),
      now: () => clock.now(),
      metrics,
    })
    return {
      services: { accounts: directory },
      ...(config.passwords === 'bind' && {
        hooks: { auth: ({ peer, credentials }, call) => verifier.check(peer, credentials, call.log) },
      }),
      dispose: () => servers.close(),
    }
  },
})
