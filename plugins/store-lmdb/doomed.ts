/**
 * Mailboxes that are gone while their entries still lie in the store. Small ones go with the change that deletes them; of large ones
 * the rest goes step by step in the background, so that nobody waits for a hundred thousand messages. A crash loses nothing: what is
 * left is named in the store and goes on at the next start.
 */
import type { Database } from 'lmdb'
import type { Log } from 'posthouse/api'
import type { LmdbBodies } from './bodies.js'
import type { Box, Boxes } from './boxes.js'
import type { Digests } from './digests.js'
import { type Environment, firstKey } from './environment.js'
import type { Indexes } from './mail-index.js'
import type { Rolls } from './rolls.js'
import type { Sources } from './sources.js'

const STEP = 500

export interface DoomedParts {
  readonly boxes: Boxes
  readonly bodies: LmdbBodies
  readonly digests: Digests
  readonly indexes: Indexes
  readonly rolls: Rolls
  readonly sources: Sources
}

export class Doomed {
  readonly #env: Environment
  readonly #boxes: Boxes
  readonly #bodies: LmdbBodies
  readonly #digests: Digests
  readonly #indexes: Indexes
  readonly #rolls: Rolls
  readonly #sources: Sources
  readonly #log: Pick<Log, 'warn'> | undefined
  readonly #ids: Database<number, string>
  #running: Promise<void> | undefined
  #stopped = false

  constructor(
    env: Environment,
    { boxes, bodies, digests, indexes, rolls, sources }: DoomedParts,
    log?: Pick<Log, 'warn'>,
  ) {
    this.#env = env
    this.#boxes = boxes
    this.#bodies = bodies
    this.#digests = digests
    this.#indexes = indexes
    this.#rolls = rolls
    this.#sources = sources
    this.#log = log
    this.#ids = env.database('doomed')
  }

  /** Inside a write: the mailbox is gone from now on. Its name must be gone already. */
  add(box: Box): void {
    this.#boxes.removeBox(box.id)
    this.#ids.put(box.id, 1)
    this.#purge(box.id)
  }

  /** Goes on with what is left, in the background. */
  wake(): void {
    this.#env.refresh()
    if (this.#running !== undefined || this.#stopped || this.#next() === undefined) return
    this.#running = this.#run()
      .catch(error => this.#log?.warn({ err: error }, 'deleted mailboxes could not be cleared, trying again later'))
      .finally(() => {
        this.#running = undefined
      })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(): Promise<void> {
    for (let id = this.#next(); id !== undefined && !this.#stopped; id = this.#next()) {
      const chosen = id
      await this.#env.write(() => this.#purge(chosen))
      await new Promise(setImmediate)
    }
  }

  #next(): string | undefined {
    return firstKey(this.#ids, {})
  }

  #purge(id: string): void {
    const { bodyIds, done } = this.#boxes.purge(id, STEP)
    for (const bodyId of bodyIds) if (this.#bodies.unrefer(bodyId)) this.#digests.remove(bodyId)
    const left = [
      done,
      this.#indexes.purge(id, STEP),
      this.#rolls.purge(id, STEP),
      this.#sources.purge(id, STEP),
    ].includes(false)
    if (!left) this.#ids.remove(id)
  }
}
