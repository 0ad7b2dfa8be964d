/** What is said of a lock: in the log, by mail and by the commands. */
import type { Lock } from './ledger.js'

export function describe({ kind, name, login, network }: Lock): string {
  switch (kind) {
    case 'network':
    case 'range':
      return name
    case 'account':
      return login ?? name
    case 'pair':
      return `${login ?? name} from ${network ?? 'somewhere'}`
  }
}

/** The command that lifts it. */
export function liftOf(lock: Lock): string {
  const of = lock.kind === 'network' || lock.kind === 'range' ? lock.name : (lock.login ?? lock.name)
  return `posthouse login unlock ${/^[\w.@:/+-]+$/.test(of) ? of : `'${of.replaceAll("'", "'\\''")}'`}`
}

/** For whom the door is closed. */
export function meaningOf({ kind }: Lock): string {
  switch (kind) {
    case 'network':
      return 'all but accounts that have logged in from there'
    case 'range':
      return 'all but accounts that have logged in from thereabouts'
    case 'account':
      return 'log-ins from networks it is not known from'
    case 'pair':
      return 'this account from this network'
  }
}

export function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
