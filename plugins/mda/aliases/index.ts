/** All aliases of this server: those of the file, and those kept by command. The file counts where both have a name. */
import type { AddressParts } from 'posthouse/text'
import { catchAllKey, type FileAliases, keysOf } from './file.js'
import type { Found } from './found.js'
import type { StoredAliases } from './stored.js'

export type { Found } from './found.js'

export interface Aliases {
  /** What the address stands for by its own name; `undefined` when it is no alias. */
  lookUp(address: AddressParts): Promise<Found | undefined>
  /** By a pattern: for an address that is neither an alias nor anybody's. */
  match(address: AddressParts): Found | undefined
  /** What `@domain` stands for. */
  catchAll(domain: string): Promise<Found | undefined>
}

export function aliasesOf(file: FileAliases, stored: StoredAliases | undefined): Aliases {
  const find = async (keys: readonly string[], asked: AddressParts): Promise<Found | undefined> => {
    const [whole, ...less] = keys
    const own = file.lookUp([whole!], asked)
    if (own !== undefined) return own
    const kept = await stored?.lookUp(keys, asked)
    return kept?.name === whole ? kept : (file.lookUp(less, asked) ?? kept)
  }
  return {
    lookUp: address => find(keysOf(address), address),
    match: address => file.match(address),
    catchAll: domain => find([catchAllKey(domain)], { local: '', domain }),
  }
}
