/**
 * Digests of messages, by body and email id: the copies of a message share one, and so do the deliveries of one body not, since each has
 * fields of its own in front. They go with the body. Where the last that referred to it was the queue they stay behind, and are swept.
 */
import type { Database } from 'lmdb'
import type { MailEntry } from 'posthouse/api'
import type { LmdbBodies } from './bodies.js'
import type { Environment } from './environment.js'
import { under } from './keys.js'

type DigestKey = [bodyId: string, emailId: string]
type Octets = { getBinaryFast(key: DigestKey): Buffer | undefined }

const SWEEP_STEP = 2_000
/** Looked at in one sweep: there may be millions, and hardly any is left behind. */
const SWEEP_MOST = 50_000

export class Digests {
  readonly #env: Environment
  readonly #bodies: LmdbBodies
  readonly #db: Database<Buffer, DigestKey>
  /** Where the next sweep goes on. */
  #swept: DigestKey | undefined

  constructor(env: Environment, bodies: LmdbBodies) {
    this.#env = env
    this.#bodies = bodies
    this.#db = env.octets('digests')
  }

  read<T>(entries: readonly MailEntry[], read: (digest: Buffer, entry: MailEntry) => T): (T | undefined)[] {
    // lmdb-js reads into one buffer again and again: a copy for each would cost as much as the reading.
    const db = this.#db as unknown as Octets
    return entries.map(entry => {
      const digest = db.getBinaryFast([entry.bodyId, entry.emailId])
      return digest === undefined ? undefined : read(digest, entry)
    })
  }

  /** Inside a write. */
  keep({ bodyId, emailId }: MailEntry, digest: Buffer, stays: (there: Buffer, digest: Buffer) => boolean): void {
    if (!this.#bodies.has(bodyId)) return
    const there = (this.#db as unknown as Octets).getBinaryFast([bodyId, emailId])
    if (there === undefined || !stays(there, digest)) this.#db.put([bodyId, emailId], digest)
  }

  /** Inside a write: nothing refers to the body any more. */
  remove(bodyId: string): void {
    for (const key of [...this.#db.getKeys(under(bodyId))]) this.#db.remove(key)
  }

  /** Resolves to how many went. */
  async sweep(): Promise<number> {
    let gone = 0
    for (let seen = 0; seen < SWEEP_MOST; seen += SWEEP_STEP) {
      this.#env.refresh()
      const range = this.#swept === undefined ? {} : { start: this.#swept }
      const keys = [...this.#db.getKeys({ ...range, limit: SWEEP_STEP })]
      const left = keys.filter(([bodyId]) => !this.#bodies.has(bodyId))
      if (left.length > 0) gone += await this.#env.write(() => this.#drop(left))
      this.#swept = keys.length < SWEEP_STEP ? undefined : keys.at(-1)
      if (this.#swept === undefined) break
      await new Promise(setImmediate)
    }
    return gone
  }

  #drop(keys: readonly DigestKey[]): number {
    const left = keys.filter(([bodyId]) => !this.#bodies.has(bodyId))
    for (const key of left) this.#db.remove(key)
    return left.length
  }
}
