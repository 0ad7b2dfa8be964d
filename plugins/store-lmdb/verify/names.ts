/** Whether every mailbox can be found by its name, and every name leads to one. */
import type { Database } from 'lmdb'
import type { Box, Boxes } from '../boxes.js'
import type { Environment } from '../environment.js'
import type { Fault, Seen } from './fault.js'
import { placeOf } from './mailboxes.js'
import type { Moment } from './moment.js'

type NameKey = [accountId: string, name: string]

export class NameLook {
  readonly #boxes: Boxes
  readonly #names: Database<string, NameKey>
  readonly #accounts: Database<number, string>
  readonly #records: Database<Box, string>

  constructor(env: Environment, boxes: Boxes) {
    this.#boxes = boxes
    this.#names = env.database('names')
    this.#accounts = env.database('accounts')
    this.#records = env.database('boxes')
  }

  /** All mailboxes there are. */
  async known(moment: Moment, seen: Seen): Promise<ReadonlyMap<string, Box>> {
    const known = new Map<string, Box>()
    for await (const slice of moment.all(this.#records)) for (const { key, value } of slice) known.set(key, value)
    for await (const slice of moment.keys(this.#accounts)) seen.accounts += slice.length
    seen.mailboxes = known.size
    return known
  }

  async *faults(moment: Moment, known: ReadonlyMap<string, Box>): AsyncGenerator<Fault> {
    const nameless = new Set(known.keys())
    for await (const slice of moment.all(this.#names)) {
      for (const { key, value } of slice) {
        const box = known.get(value)
        if (box?.accountId === key[0] && box.name === key[1] && nameless.delete(value)) continue
        const what = box === undefined ? 'is the name of no mailbox' : `is the name of ${placeOf(box)}`
        yield { kind: 'names', where: key.join('/'), what, mend: () => this.#dropName(key, value) }
      }
    }
    for (const id of nameless) {
      const box = known.get(id)!
      yield {
        kind: 'names',
        where: placeOf(box),
        what: 'no name leads to this mailbox',
        mend: () => this.#giveName(id),
      }
    }
  }

  #dropName(key: NameKey, id: string): void {
    const box = this.#boxes.find(id)
    if (this.#names.get(key) === id && (box?.accountId !== key[0] || box.name !== key[1])) this.#names.remove(key)
  }

  /** Its own, or one that nobody has when that is taken. */
  #giveName(id: string): void {
    const box = this.#boxes.find(id)
    if (box === undefined || this.#names.get([box.accountId, box.name]) === id) return
    if (this.#names.doesExist([box.accountId, box.name]))
      box.name = `${box.name.replaceAll('/', ' ').slice(0, 40)} found again ${id}`
    this.#names.put([box.accountId, box.name], id)
    this.#boxes.put(box)
  }
}
