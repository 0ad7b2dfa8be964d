/**
 * Mail of ours that is not kept in our store: mailbox files, Maildirs, programs, and other servers by LMTP. The mda says whose mail it is and asks here, by the
 * service `places`, where it goes; the targets carry it there from the queue.
 */
import { ConfigError, definePlugin } from 'posthouse/api'
import { placeCommands } from './commands.js'
import { CONFIG, readPlaces } from './config.js'
import { directoryOf } from './directory.js'
import { KINDS } from './place.js'
import { placeTarget } from './target.js'

export default definePlugin({
  name: 'places',
  summary: 'delivers mail of some accounts, addresses and domains into mbox files, Maildirs, programs, or by LMTP',
  config: CONFIG,
  needs: ['accounts'],
  supplies: ['places'],
  setup({ config, fault, server, services, clock, metrics }) {
    const { places, faults } = readPlaces(config, server.domains, fault)
    if (faults.length > 0) throw new ConfigError(faults)
    const parts = {
      places: new Map(places.map(place => [place.name, place])),
      accounts: services.get('accounts'),
      client: () => services.find('mail-client'),
      clock,
      metrics,
    }
    return {
      services: { places: directoryOf(places) },
      targets: Object.fromEntries(KINDS.map(kind => [kind, placeTarget(kind, parts)])),
      commands: placeCommands(places),
    }
  },
})
