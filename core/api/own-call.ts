/** What a service does while a hook of some other plugin asks it is written down under the service's own name. */
import type { Call } from './hooks.js'
import type { Log } from './plugin.js'
import type { Peer } from './session.js'

/** The asker's time, and `log`, which is the plugin's own, with the id of the session. */
export function ownCall({ signal }: Call, log: Log, { id }: Pick<Peer, 'id'>): Call {
  return { signal, log: log.child({ id }) }
}
