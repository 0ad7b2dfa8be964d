/** What a service does while a hook of some other plugin asks it is written down under the service's own name. */
import type { Call } from './hooks.js'
import type { Log } from './plugin.js'
import type { Peer } from './session.js'

/** The asker's time, and `log`, which is the plugin's own, with the id of the session; both made when asked for, as the asker's are. */
export function ownCall(call: Call, log: Log, { id }: Pick<Peer, 'id'>): Call {
  let own: Log | undefined
  return {
    get signal() {
      return call.signal
    },
    get log() {
      own ??= log.child({ id })
      return own
    },
  }
}
