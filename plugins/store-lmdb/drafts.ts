/**
 * Bodies on their way in. Either kind keeps up to 64 KB in memory, then goes to the store chunk by chunk. Of a `RoomyDraft` one chunk is under way while the next
 * one fills; a `SparingDraft` holds one small chunk and lets its writer wait: a thousand clients at once must not take half a gigabyte.
 */
import type { BodyDraft, NewBody } from 'posthouse/api'
import { newId } from 'posthouse/text'
import type { Turns } from './turns.js'

/** Drafts up to this size are handed over in memory and stored with the message's own commit. */
const MEMORY_BYTES = 64 * 1024
const MAX_PIECES = 256
/** Four pages of LMDB, with what it puts in front of them. */
export const SMALL_CHUNK_BYTES = 4 * 4096 - 64
/** Of one commit, as it makes a copy of its own. */
const MOST_AT_ONCE_BYTES = 256 * 1024

/** Octets of a body, and of each chunk of it but the last. */
export interface Measure {
  readonly size: number
  readonly chunk: number
}

/** Where drafts are kept. */
export interface DraftPlace {
  /** Chunks from number `n` on; resolves when they are committed. */
  keepChunks(id: string, n: number, chunks: readonly Buffer[]): Promise<void>
  /** The same, with the last of them: the body is there then. */
  keepDraft(id: string, n: number, last: readonly Buffer[], measure: Measure): Promise<void>
  dropDraft(id: string): Promise<void>
}

export class RoomyDraft implements BodyDraft {
  readonly #place: DraftPlace
  readonly #id = newId(Date.now())
  readonly #chunkBytes: number
  readonly #giveBack: () => void
  #pieces: Buffer[] = []
  #held = 0
  #chunks = 0
  #size = 0
  #underWay: Promise<void> = Promise.resolve()

  /** `giveBack` is called, once or more often, when its room is free again. */
  constructor(place: DraftPlace, chunkBytes: number, giveBack: () => void) {
    this.#place = place
    this.#chunkBytes = chunkBytes
    this.#giveBack = giveBack
  }

  async write(chunk: Buffer): Promise<void> {
    // All of a large one at once would be copied again for every piece that goes.
    for (let at = 0; at < chunk.length; at += this.#chunkBytes)
      await this.#add(chunk.subarray(at, at + this.#chunkBytes))
  }

  async #add(chunk: Buffer): Promise<void> {
    this.#held += chunk.length
    this.#size += chunk.length
    const fills = this.#held >= this.#chunkBytes
    // The caller may reuse its buffer once we resolve; what fills a chunk is copied with it.
    this.#pieces.push(fills ? chunk : Buffer.from(chunk))
    // A Buffer costs more than a hundred octets of its own: a message that comes in crumbs must not.
    if (this.#pieces.length === MAX_PIECES) this.#pieces = [Buffer.concat(this.#pieces)]
    while (this.#held >= this.#chunkBytes) await this.#flush(this.#chunkBytes)
  }

  async finish(): Promise<NewBody> {
    try {
      if (this.#chunks === 0 && this.#size <= MEMORY_BYTES) return { kind: 'memory', bytes: this.#take(this.#held) }
      await this.#underWay
      const last = this.#held > 0 ? [this.#take(this.#held)] : []
      const n = this.#chunks
      this.#chunks += last.length
      await this.#place.keepDraft(this.#id, n, last, { size: this.#size, chunk: this.#chunkBytes })
      return { kind: 'stored', id: this.#id, size: this.#size }
    } finally {
      this.#giveBack()
    }
  }

  async abandon(): Promise<void> {
    this.#take(this.#held)
    this.#giveBack()
    await Promise.allSettled([this.#underWay])
    if (this.#chunks > 0) await this.#place.dropDraft(this.#id)
  }

  async #flush(bytes: number): Promise<void> {
    await this.#underWay
    this.#underWay = this.#place.keepChunks(this.#id, this.#chunks++, [this.#take(bytes)])
    // Told to whoever comes next; until then a failure must not count as unhandled. Such a draft comes to nothing, also when nobody abandons it.
    this.#underWay.catch(() => this.#giveBack())
  }

  /** What is left is a copy: a slice would hold on to all of it. */
  #take(bytes: number): Buffer {
    const all = Buffer.concat(this.#pieces)
    const rest = Buffer.from(all.subarray(bytes))
    this.#pieces = rest.length > 0 ? [rest] : []
    this.#held = rest.length
    return all.subarray(0, bytes)
  }
}

/** Of what it is given it copies what fills no chunk, before and behind the chunks that are written as they lie there. */
export class SparingDraft implements BodyDraft {
  readonly #place: DraftPlace
  readonly #turns: Turns<object>
  readonly #id = newId(Date.now())
  /** A chunk that is not full yet. It is filled again when it has been committed. */
  #open: Buffer | undefined
  #held = 0
  #chunks = 0
  #size = 0
  #abandoned = false
  #underWay: Promise<void> = Promise.resolve()

  constructor(place: DraftPlace, turns: Turns<object>) {
    this.#place = place
    this.#turns = turns
  }

  async write(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; at += MOST_AT_ONCE_BYTES)
      await this.#add(chunk.subarray(at, at + MOST_AT_ONCE_BYTES))
  }

  async #add(octets: Buffer): Promise<void> {
    // What has failed fails again: the chunk that was under way may still be read by the store.
    await this.#underWay
    this.#size += octets.length
    let at = this.#held > 0 ? this.#fill(octets) : 0
    const full = this.#held === SMALL_CHUNK_BYTES ? [this.#open!] : []
    for (; octets.length - at >= SMALL_CHUNK_BYTES; at += SMALL_CHUNK_BYTES)
      full.push(octets.subarray(at, at + SMALL_CHUNK_BYTES))
    if (full.length > 0) await this.#keepInTurn(full)
    // A turn that is taken now nobody would leave.
    if (this.#abandoned) return
    this.#fill(octets.subarray(at))
    // Only then shall more be read.
    if (full.length > 0) await this.#turns.come(this)
  }

  async finish(): Promise<NewBody> {
    await this.#underWay
    this.#turns.leave(this)
    const rest = this.#open?.subarray(0, this.#held) ?? Buffer.alloc(0)
    if (this.#chunks === 0) return { kind: 'memory', bytes: rest }
    const measure = { size: this.#size, chunk: SMALL_CHUNK_BYTES }
    await this.#place.keepDraft(this.#id, this.#chunks, rest.length > 0 ? [rest] : [], measure)
    return { kind: 'stored', id: this.#id, size: this.#size }
  }

  async abandon(): Promise<void> {
    this.#abandoned = true
    this.#turns.leave(this)
    await Promise.allSettled([this.#underWay])
    this.#open = undefined
    if (this.#chunks > 0) await this.#place.dropDraft(this.#id)
  }

  async #keepInTurn(chunks: readonly Buffer[]): Promise<void> {
    if (!this.#abandoned) await this.#turns.come(this)
    if (this.#abandoned) throw new Error('draft is abandoned')
    this.#turns.begin(this)
    try {
      await this.#keep(chunks)
    } finally {
      this.#turns.leave(this)
    }
  }

  async #keep(chunks: readonly Buffer[]): Promise<void> {
    const n = this.#chunks
    this.#chunks += chunks.length
    this.#underWay = this.#place.keepChunks(this.#id, n, chunks)
    // Told to the writer, who may have gone meanwhile.
    this.#underWay.catch(() => undefined)
    await this.#underWay
    this.#held = 0
  }

  /** How many octets there was room for. */
  #fill(octets: Buffer): number {
    if (octets.length === 0) return 0
    this.#open ??= Buffer.allocUnsafeSlow(SMALL_CHUNK_BYTES)
    const copied = octets.copy(this.#open, this.#held)
    this.#held += copied
    return copied
  }
}
