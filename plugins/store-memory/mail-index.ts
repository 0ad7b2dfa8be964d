/** The index over a mailbox in memory. */
import type { IndexHead, MailIndex, NewIndexBlock } from 'posthouse/api'
import type { Box } from './box.js'

export class MemoryIndex implements MailIndex {
  readonly #box: Box

  constructor(box: Box) {
    this.#box = box
  }

  async heads(): Promise<readonly IndexHead[]> {
    return [...this.#box.index.values()].map(({ block, head }) => ({ block, head }))
  }

  async parts(wanted: readonly (readonly [block: number, part: number])[]): Promise<readonly (Buffer | undefined)[]> {
    return wanted.map(([block, part]) => this.#box.index.get(block)?.parts.get(part))
  }

  async add(block: NewIndexBlock, after: number): Promise<boolean> {
    const last = [...this.#box.index.keys()].at(-1) ?? 0
    if (last !== after || this.#box.gone) return false
    this.#box.index.set(block.block, block)
    return true
  }

  async remove(blocks: readonly number[]): Promise<void> {
    for (const block of blocks) this.#box.index.delete(block)
  }
  async replace(blocks: readonly number[], block: NewIndexBlock): Promise<boolean> {
    const { index } = this.#box
    if (this.#box.gone || !blocks.every(one => index.has(one))) return false
    // The last keeps its place in the order.
    for (const one of blocks) if (one !== block.block) index.delete(one)
    index.set(block.block, block)
    return true
  }
}
