/**
 * Bodies in memory, counted by what refers to them. A body with no reference is a draft until somebody refers to it;
 * forgotten drafts go after an hour.
 */
import { type Blobs, type BodyDraft, MailError, type NewBody } from 'posthouse/api'
import { newId } from 'posthouse/text'

/** Drafts up to this size are handed over in memory. */
const MEMORY_BYTES = 64 * 1024
const DRAFT_LIFE_MS = 60 * 60 * 1000

interface Body {
  readonly bytes: Buffer
  readonly made: number
  /** By email id. */
  readonly digests: Map<string, Buffer>
  references: number
}

export class MemoryBlobs implements Blobs {
  readonly #bodies = new Map<string, Body>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  draft(): BodyDraft {
    this.#sweep()
    return new MemoryDraft(
      bytes => this.#keep(bytes),
      id => this.dropUnreferenced(id),
    )
  }

  async read(id: string, from = 0, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
    return Buffer.from(this.need(id).subarray(Math.max(0, from), Math.max(0, to)))
  }

  has(id: string): boolean {
    return this.#bodies.has(id)
  }

  /** The bytes themselves. Throws `message-gone`. */
  need(id: string): Buffer {
    const body = this.#bodies.get(id)
    if (body === undefined) throw new MailError('message-gone', `no body ${id}`)
    return body.bytes
  }

  /** What is kept of messages with this body; `undefined` when it is gone. */
  digests(id: string): Map<string, Buffer> | undefined {
    return this.#bodies.get(id)?.digests
  }

  /** Throws `message-gone` when the body cannot be adopted. */
  check(body: NewBody): void {
    if (body.kind === 'stored') this.need(body.id)
  }

  /** The id and size under which the body can be referred to. */
  adopt(body: NewBody): { readonly id: string; readonly size: number } {
    const id = body.kind === 'stored' ? body.id : this.#keep(Buffer.from(body.bytes))
    return { id, size: this.need(id).length }
  }

  refer(id: string): void {
    this.#bodies.get(id)!.references++
  }

  unrefer(id: string): void {
    this.#bodies.get(id)!.references--
    this.dropUnreferenced(id)
  }

  dropUnreferenced(id: string): void {
    if (this.#bodies.get(id)?.references === 0) this.#bodies.delete(id)
  }

  #keep(bytes: Buffer): string {
    const id = newId(Date.now())
    this.#bodies.set(id, { bytes, made: this.#now(), digests: new Map(), references: 0 })
    return id
  }

  #sweep(): void {
    const before = this.#now() - DRAFT_LIFE_MS
    for (const [id, body] of this.#bodies) if (body.references === 0 && body.made < before) this.#bodies.delete(id)
  }
}

class MemoryDraft implements BodyDraft {
  readonly #chunks: Buffer[] = []
  readonly #keep: (bytes: Buffer) => string
  readonly #drop: (id: string) => void
  #id: string | undefined

  constructor(keep: (bytes: Buffer) => string, drop: (id: string) => void) {
    this.#keep = keep
    this.#drop = drop
  }

  async write(chunk: Buffer): Promise<void> {
    this.#chunks.push(Buffer.from(chunk))
  }

  async finish(): Promise<NewBody> {
    const bytes = Buffer.concat(this.#chunks.splice(0))
    if (bytes.length <= MEMORY_BYTES) return { kind: 'memory', bytes }
    this.#id = this.#keep(bytes)
    return { kind: 'stored', id: this.#id, size: bytes.length }
  }

  async abandon(): Promise<void> {
    this.#chunks.length = 0
    if (this.#id !== undefined) this.#drop(this.#id)
  }
}
