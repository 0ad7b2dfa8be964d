/**
 * What is worked out of messages and kept beside them, so that it is worked out once: digests of single messages, and an index over a
 * mailbox. Both are made by who uses them, are opaque octets to the store, and may be missing or lag behind: whoever reads them must
 * do without.
 */

/** A block of an index: a head that is read whenever the mailbox is searched, and parts of which a search reads few. */
export interface NewIndexBlock {
  /** Above 0; later blocks have larger ones. */
  readonly block: number
  readonly head: Buffer
  /** By their number, 0 to 65,535. */
  readonly parts: ReadonlyMap<number, Buffer>
}

export interface IndexHead {
  readonly block: number
  readonly head: Buffer
}

/** The blocks of one mailbox. They go with it. */
export interface MailIndex {
  /** Ascending by block. */
  heads(): Promise<readonly IndexHead[]>
  /** In the order they are named. */
  parts(wanted: readonly (readonly [block: number, part: number])[]): Promise<readonly (Buffer | undefined)[]>
  /** All or nothing. False, and nothing is changed, when the last block is another than `after` (0: there is none), or the mailbox is gone. */
  add(block: NewIndexBlock, after: number): Promise<boolean>
  /** Those there are not are passed over. */
  remove(blocks: readonly number[]): Promise<void>
  /**
   * `block` in place of neighbouring ones, under the number of the last of them; all or nothing. False, and nothing is changed, when one of them is not
   * there any more.
   */
  replace(blocks: readonly number[], block: NewIndexBlock): Promise<boolean>
}
