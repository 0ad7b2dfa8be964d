/**
 * A small name server for the list of this site: it answers as a DNSBL (RFC 5782), from what `local-list` knows at that moment, to the networks
 * that may ask. It has authority over its zones and knows nothing else: no recursion, no transfers.
 */
import { ConfigError, definePlugin, type Listener } from 'posthouse/api'
import { CONFIG, faultsIn, termsOf } from './config.js'
import { ZoneServer } from './server.js'
import { serveByTcp } from './tcp.js'
import { DatagramDoor } from './udp.js'

export default definePlugin({
  name: 'zone-server',
  summary: 'serves the list of this site to other hosts as a zone of the name service',
  config: CONFIG,
  needs: ['local-list'],
  setup({ config, fault, server: { name }, services, clock, log, metrics }) {
    const faults = faultsIn(config, fault)
    if (faults.length > 0) throw new ConfigError(faults)
    const terms = termsOf(config, name)
    const server = new ZoneServer({ terms, list: services.get('local-list'), clock, log, metrics })
    const listeners = terms.listen.map(
      (address, at): Listener => ({
        name: at === 0 ? 'zone' : `zone-${at + 1}`,
        protocol: 'internal',
        address,
        tls: 'none',
        serve: connection => serveByTcp(connection, server),
      }),
    )
    const doors = terms.listen.map(address => new DatagramDoor(address, server, log, metrics))
    return {
      listeners,
      started() {
        log.info({ zones: terms.zones.map(zone => zone.name), listen: terms.listen }, 'zones are served')
        for (const door of doors) void door.open()
      },
      async dispose() {
        await Promise.all(doors.map(door => door.close()))
      },
    }
  },
})
