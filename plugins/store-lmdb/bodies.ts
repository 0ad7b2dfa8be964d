/**
 * Bodies: a record (size, references) and the octets in chunks, so that a part of a large body costs only its chunks. A body lives as
 * long as something refers to it; a draft nobody refers to is swept after an hour.
 *
 * The functions `adopt`, `refer`, `unrefer`, `check` belong inside a write.
 */
import type { Database } from 'lmdb'
import { type Blobs, type BodyDraft, MailError, type NewBody } from 'posthouse/api'
import { newId } from 'posthouse/text'
import { type DraftPlace, type Measure, RoomyDraft, SparingDraft } from './drafts.js'
import type { Environment } from './environment.js'
import { under } from './keys.js'
import { Turns } from './turns.js'

const CHUNK_BYTES = 256 * 1024
/** Of so many drafts at a time the chunks are large, and one is under way while the next fills: up to 600 KB each. Further ones are given less. */
const ROOMY_DRAFTS = 16
const DRAFT_LIFE_MS = 60 * 60 * 1000

interface BodyRecord extends Measure {
  readonly references: number
}

type ChunkKey = [id: string, n: number]

export class LmdbBodies implements Blobs, DraftPlace {
  readonly #env: Environment
  readonly #now: () => number
  readonly #records: Database<BodyRecord, string>
  readonly #chunks: Database<Buffer, ChunkKey>
  /** By id, when the draft was last written to. */
  readonly #drafts: Database<number, string>
  /** Of drafts without room. */
  readonly #turns = new Turns<object>()
  /** Being written in this process, with room for large chunks. */
  #roomy = 0

  constructor(env: Environment, now: () => number) {
    this.#env = env
    this.#now = now
    this.#records = env.database('bodies')
    this.#chunks = env.octets('chunks')
    this.#drafts = env.database('drafts')
  }

  draft(): BodyDraft {
    const giveBack = this.#makeRoom()
    return giveBack === undefined ? new SparingDraft(this, this.#turns) : new RoomyDraft(this, CHUNK_BYTES, giveBack)
  }

  async read(id: string, from = 0, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
    this.#env.refresh()
    return this.range(id, from, to)
  }

  /** Octets [from, to), as the current transaction sees them. Throws `message-gone`. */
  range(id: string, from: number, to: number): Buffer {
    const { size, chunk } = this.need(id)
    const first = Math.max(0, from)
    const last = Math.min(size, to)
    const pieces: Buffer[] = []
    for (let n = Math.floor(first / chunk); n * chunk < last; n++) {
      const piece = this.#chunks.get([id, n])
      if (piece === undefined) throw new MailError('message-gone', `no chunk ${n} of body ${id}`)
      pieces.push(piece.subarray(Math.max(0, first - n * chunk), last - n * chunk))
    }
    const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    const missing = Math.max(0, last - first) - whole.length
    if (missing > 0) throw new MailError('message-gone', `${missing} octets of body ${id} are missing`)
    return whole
  }

  need(id: string): BodyRecord {
    const record = this.#record(id)
    if (record === undefined) throw new MailError('message-gone', `no body ${id}`)
    return record
  }

  /** Throws `message-gone` when it is there and cannot be read. */
  #record(id: string): BodyRecord | undefined {
    const damaged = (cause?: unknown) => new MailError('message-gone', `the record of body ${id} is damaged`, cause)
    let record: BodyRecord | undefined
    try {
      record = this.#records.get(id)
    } catch (error) {
      throw damaged(error)
    }
    if (record !== undefined && !isBodyRecord(record)) throw damaged()
    return record
  }

  /** Stores or takes over a body with that many references; with none, nothing stays. */
  adopt(body: NewBody, references: number): { readonly id: string; readonly size: number } {
    if (body.kind === 'stored') return this.#takeOver(body.id, references)
    const id = newId(this.#now())
    const size = body.bytes.length
    if (references === 0) return { id, size }
    for (let at = 0, n = 0; at < size; at += CHUNK_BYTES, n++)
      this.#chunks.put([id, n], body.bytes.subarray(at, at + CHUNK_BYTES))
    this.#records.put(id, { size, chunk: CHUNK_BYTES, references })
    return { id, size }
  }

  /** Throws `message-gone` when a piece of it is missing. Cheaper than reading it. */
  mustBeWhole(id: string): void {
    const { size, chunk } = this.need(id)
    const last = Math.ceil(size / chunk) - 1
    for (let n = 0; n < last; n++)
      if (!this.#chunks.doesExist([id, n])) throw new MailError('message-gone', `no chunk ${n} of body ${id}`)
    if (last >= 0) this.range(id, last * chunk, size)
  }

  refer(id: string, by = 1): void {
    if (by === 0) return
    const record = this.need(id)
    this.#records.put(id, { ...record, references: record.references + by })
  }

  /** Whether that was the last reference, and the body is gone. */
  unrefer(id: string): boolean {
    const record = this.#countable(id)
    if (record === undefined) return true
    const gone = record.references <= 1
    if (gone) this.#remove(id, record)
    else this.#records.put(id, { ...record, references: record.references - 1 })
    return gone
  }

  has(id: string): boolean {
    return this.#records.doesExist(id)
  }

  /** Nothing when there is no (readable) count: octets that nobody can find do less harm than a change that cannot be made. */
  #countable(id: string): BodyRecord | undefined {
    try {
      return this.#record(id)
    } catch {
      return undefined
    }
  }

  /** Room for a draft whose chunks are large, or none. It is given back by what comes with it. */
  #makeRoom(): (() => void) | undefined {
    if (this.#roomy >= ROOMY_DRAFTS) return undefined
    this.#roomy++
    let there = true
    return () => {
      if (there) this.#roomy--
      there = false
    }
  }

  /** Chunks of a draft from number `n` on; resolves when they are committed. */
  async keepChunks(id: string, n: number, chunks: readonly Buffer[]): Promise<void> {
    await this.#env.write(() => this.#putChunks(id, n, chunks))
  }

  /** The same, with its last chunk. */
  async keepDraft(id: string, n: number, last: readonly Buffer[], { size, chunk }: Measure): Promise<void> {
    await this.#env.write(() => {
      this.#putChunks(id, n, last)
      this.#records.put(id, { size, chunk, references: 0 })
    })
  }

  #putChunks(id: string, n: number, chunks: readonly Buffer[]): void {
    if (n > 0) this.#mustBeThere(id)
    chunks.forEach((octets, i) => void this.#chunks.put([id, n + i], octets))
    this.#drafts.put(id, this.#now())
  }

  async dropDraft(id: string): Promise<void> {
    await this.#env.write(() => {
      if ((this.#countable(id)?.references ?? 0) === 0) this.#remove(id)
    })
  }

  /** Drafts nobody has touched for an hour; resolves to how many went. */
  async sweep(now: number): Promise<number> {
    this.#env.refresh()
    const before = now - DRAFT_LIFE_MS
    const old = [...this.#drafts.getRange()].filter(({ value }) => value < before).map(({ key }) => key)
    let gone = 0
    for (const id of old) if (await this.#env.write(() => this.#dropOld(id, before))) gone++
    return gone
  }

  /** It may have been written to, or accepted, since it was looked at. */
  #dropOld(id: string, before: number): boolean {
    const old = (this.#drafts.get(id) ?? Number.POSITIVE_INFINITY) < before
    if (old) this.#remove(id)
    return old
  }

  /** What was swept in the meantime must not go on with a part of it. */
  #mustBeThere(id: string): void {
    if (!this.#drafts.doesExist(id)) throw new MailError('store-unavailable', `draft ${id} was swept in the meantime`)
  }

  #takeOver(id: string, references: number): { readonly id: string; readonly size: number } {
    const record = this.need(id)
    const after = record.references + references
    if (after === 0) {
      this.#remove(id)
    } else {
      if (record.references === 0) this.#drafts.remove(id)
      this.#records.put(id, { ...record, references: after })
    }
    return { id, size: record.size }
  }

  #remove(id: string, known?: BodyRecord): void {
    this.#records.remove(id)
    // What somebody has referred to is no draft any more.
    if (known === undefined || known.references === 0) this.#drafts.remove(id)
    // Most bodies are one chunk, which need not be looked for.
    const oneChunk = known !== undefined && known.size <= known.chunk
    const keys = oneChunk ? [[id, 0] satisfies ChunkKey] : [...this.#chunks.getKeys(under(id))]
    for (const key of keys) this.#chunks.remove(key)
  }
}

function isBodyRecord(record: unknown): boolean {
  if (typeof record !== 'object' || record === null) return false
  const { size, chunk, references } = record as BodyRecord
  return [size, chunk, references].every(Number.isSafeInteger) && size >= 0 && chunk > 0 && references >= 0
}
