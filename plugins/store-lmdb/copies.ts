/**
 * Copies of so many messages that they take several commits, so that others have their turn in between. In the end all of them are there, or none
 * (RFC 3501 §6.4.7): what was put in stands beside the messages until the last step, and whoever finds it half done takes it out again, at once
 * or after a crash.
 */
import type { Database } from 'lmdb'
import { newId } from 'posthouse/text'
import type { Environment } from './environment.js'
import { isAlive, SELF } from './owner.js'

export interface HalfDone {
  readonly owner: string
  readonly accountId: string
  readonly boxId: string
  /** UIDs, one range for each step. */
  readonly added: readonly (readonly [from: number, to: number])[]
}

/** Takes messages out of a mailbox, and does nothing when it is gone. */
export type TakeOut = (copy: HalfDone) => Promise<void>

export class Copies {
  readonly #env: Environment
  readonly #db: Database<HalfDone, string>

  constructor(env: Environment) {
    this.#env = env
    this.#db = env.database('copies')
  }

  begin(accountId: string, boxId: string): Copy {
    return new Copy(this.#env, this.#db, { owner: SELF, accountId, boxId, added: [] })
  }

  /** Takes out what processes that have died left half done, and what this one could not take out when the copy failed: the disk was full, say. */
  async mend(takeOut: TakeOut): Promise<void> {
    this.#env.refresh()
    for (const { key, value } of [...this.#db.getRange()]) {
      if (value.owner === SELF ? this.#env.copying.has(key) : isAlive(value.owner)) continue
      await takeOut(value)
      await this.#env.write(() => {
        this.#db.remove(key)
      })
    }
  }
}

export class Copy {
  readonly #env: Environment
  readonly #db: Database<HalfDone, string>
  readonly #id = newId(Date.now())
  #copy: HalfDone

  constructor(env: Environment, db: Database<HalfDone, string>, copy: HalfDone) {
    this.#env = env
    this.#db = db
    this.#copy = copy
    env.copying.add(this.#id)
  }

  /** Made, or undone, or left to `mend`. */
  end(): void {
    this.#env.copying.delete(this.#id)
  }

  /** Inside the write that adds messages with these UIDs; the last step makes the copy true. */
  step(uids: readonly number[], last: boolean): void {
    if (last) this.#db.remove(this.#id)
    else this.#db.put(this.#id, this.#with(uids))
  }

  /** That write is on disk. UIDs of one that failed are somebody else's by now. */
  added(uids: readonly number[]): void {
    this.#copy = this.#with(uids)
  }

  #with(uids: readonly number[]): HalfDone {
    const [from, to] = [uids[0], uids.at(-1)]
    if (from === undefined || to === undefined) return this.#copy
    return { ...this.#copy, added: [...this.#copy.added, [from, to]] }
  }

  /** Takes out what was put in. */
  async undo(takeOut: TakeOut): Promise<void> {
    await takeOut(this.#copy)
    await this.#env.write(() => {
      this.#db.remove(this.#id)
    })
  }
}
