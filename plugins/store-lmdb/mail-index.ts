/** The blocks of the indexes over mailboxes: heads, which every search reads, apart from parts, of which it reads few. */
import type { Database } from 'lmdb'
import type { IndexHead, MailIndex, NewIndexBlock } from 'posthouse/api'
import type { Boxes } from './boxes.js'
import { type Environment, firstKey } from './environment.js'
import { under } from './keys.js'

type HeadKey = [boxId: string, block: number]
type PartKey = [boxId: string, block: number, part: number]

export class Indexes {
  readonly #env: Environment
  readonly #boxes: Boxes
  readonly #heads: Database<Buffer, HeadKey>
  readonly #parts: Database<Buffer, PartKey>

  constructor(env: Environment, boxes: Boxes) {
    this.#env = env
    this.#boxes = boxes
    this.#heads = env.octets('indexHeads')
    this.#parts = env.octets('indexParts')
  }

  of(boxId: string): MailIndex {
    return {
      heads: async () => this.#headsOf(boxId),
      parts: async wanted => {
        this.#env.refresh()
        return wanted.map(([block, part]) => this.#parts.get([boxId, block, part]))
      },
      add: (block, after) => this.#env.write(() => this.#add(boxId, block, after)),
      remove: blocks =>
        this.#env.write(() => {
          for (const block of blocks) this.#remove(boxId, block)
        }),
      replace: (blocks, block) => this.#env.write(() => this.#replace(boxId, blocks, block)),
    }
  }

  /** Inside a write: up to `limit` parts of a mailbox that is gone. Whether nothing is left. */
  purge(boxId: string, limit: number): boolean {
    for (const key of [...this.#parts.getKeys({ ...under(boxId), limit })]) this.#parts.remove(key)
    for (const key of [...this.#heads.getKeys({ ...under(boxId), limit })]) this.#heads.remove(key)
    return firstKey(this.#heads, under(boxId)) === undefined && firstKey(this.#parts, under(boxId)) === undefined
  }

  #headsOf(boxId: string): IndexHead[] {
    this.#env.refresh()
    const heads: IndexHead[] = []
    for (const { key, value } of this.#heads.getRange(under(boxId))) heads.push({ block: key[1], head: value })
    return heads
  }

  #add(boxId: string, block: NewIndexBlock, after: number): boolean {
    // A range read backwards begins at its upper end.
    const { start, end } = under(boxId)
    const last = firstKey(this.#heads, { start: end, end: start, reverse: true })?.[1] ?? 0
    if (last !== after || this.#boxes.find(boxId) === undefined) return false
    this.#put(boxId, block)
    return true
  }

  #replace(boxId: string, blocks: readonly number[], block: NewIndexBlock): boolean {
    if (!blocks.every(one => this.#heads.doesExist([boxId, one])) || this.#boxes.find(boxId) === undefined) return false
    for (const one of blocks) this.#remove(boxId, one)
    this.#put(boxId, block)
    return true
  }

  #put(boxId: string, { block, head, parts }: NewIndexBlock): void {
    this.#heads.put([boxId, block], head)
    for (const [part, octets] of parts) this.#parts.put([boxId, block, part], octets)
  }

  #remove(boxId: string, block: number): void {
    this.#heads.remove([boxId, block])
    for (const key of [...this.#parts.getKeys(under(boxId, block))]) this.#parts.remove(key)
  }
}
