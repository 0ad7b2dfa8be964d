/**
 * Which messages of other servers a mailbox has taken in, so that an import that is run again brings nothing twice: not what came before it broke off,
 * and not what the user has deleted since. They go with the mailbox.
 */
import { createHash } from 'node:crypto'
import type { Database } from 'lmdb'
import { type Environment, firstKey } from './environment.js'
import { under } from './keys.js'

type SourceKey = [boxId: string, digest: string]

export class Sources {
  readonly #uids: Database<number, SourceKey>

  constructor(env: Environment) {
    this.#uids = env.database('sources')
  }

  uidOf(boxId: string, source: string): number | undefined {
    return this.#uids.get([boxId, digest(source)])
  }

  /** Inside a write. */
  put(boxId: string, source: string, uid: number): void {
    this.#uids.put([boxId, digest(source)], uid)
  }

  /** Inside a write: up to `limit` of a mailbox that is gone. Whether nothing is left. */
  purge(boxId: string, limit: number): boolean {
    for (const key of [...this.#uids.getKeys({ ...under(boxId), limit })]) this.#uids.remove(key)
    return firstKey(this.#uids, under(boxId)) === undefined
  }
}

/** They may be of any length, and keys may not. */
function digest(source: string): string {
  return createHash('sha256').update(source).digest('base64url').slice(0, 24)
}
