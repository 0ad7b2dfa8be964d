/**
 * Certificates by ACME (RFC 8555): orders them from the authority the admin names, answers its challenges, and renews them in time.
 * It puts them where core looks for certificates that were issued; TLS itself is core's. Without an entry in plugins.yaml nothing is asked
 * of anybody.
 */
import { type Command, CommandError, definePlugin, type Listener } from 'posthouse/api'
import { order } from './authority.js'
import { Drawer } from './drawer.js'
import { type RenewalParts, renew } from './renewal.js'
import { alpnResponder, httpResponder } from './responder.js'
import { inCertificate, schema, settingsOf } from './settings.js'

const LOOK_MS = 60_000

export default definePlugin({
  name: 'acme',
  summary: 'orders and renews certificates by ACME',
  config: schema,
  needs: ['state'],
  setup({ config, fault, server, services, state, log, metrics, bus, clock, signal }) {
    const settings = settingsOf(config, { serverName: server.name, configDir: server.configDir, fault })
    const drawer = new Drawer(server.dataDir)
    const parts: RenewalParts = {
      settings,
      drawer,
      state,
      log,
      metrics,
      clock,
      signal,
      notifier: undefined,
      order: until => order(settings, drawer, until),
      ready: () => bus.publish('tls', ''),
    }
    const serve =
      settings.challenge === 'http-01' ? httpResponder(drawer, log) : alpnResponder(drawer, settings.names, log)
    const listeners = settings.listen.map(
      (address, i): Listener => ({
        name: i === 0 ? 'acme' : `acme-${i + 1}`,
        protocol: 'internal',
        address,
        tls: 'none',
        serve,
      }),
    )
    let timer: NodeJS.Timeout | undefined
    return {
      listeners,
      commands: [renewCommand(parts)],
      started() {
        const inServer = { ...parts, notifier: services.find('notifier') }
        const look = () =>
          void renew(inServer, false).catch(error => log.error({ err: error }, 'certificate could not be looked after'))
        look()
        timer = setInterval(look, LOOK_MS).unref()
      },
      dispose: () => clearInterval(timer),
    }
  },
})

function renewCommand(parts: RenewalParts): Command {
  return {
    name: 'tls renew',
    summary: 'order the certificate anew now; the running server answers the challenges and takes it into use',
    usage: '[NAME]',
    arity: [0, 1],
    async run({ args, json, print }) {
      const { names } = parts.settings
      const [name] = args
      if (name !== undefined && !names.includes(inCertificate(name)))
        throw new CommandError(`${name} is not ordered here; names of the plugin acme are: ${names.join(', ')}`)
      const renewed = await renew(parts, true)
      if (renewed.kind === 'busy') throw new CommandError('an order is under way already')
      if (renewed.kind === 'failed') throw new CommandError(`not renewed, what was there stays: ${renewed.why}`)
      const until = renewed.kind === 'done' ? new Date(renewed.until).toISOString() : undefined
      print(json ? JSON.stringify({ names, until }) : `renewed: ${names.join(', ')}, until ${until?.slice(0, 10)}`)
    },
  }
}
