/**
 * Where a message stays while it comes in: in memory to 64 KB, then in a draft of the store that nothing refers to yet.
 * The header block is kept in memory either way, so that looking at fields reads nothing back.
 * One writer: it waits for the promise of a `write`, when there is one, before the next.
 */
import type { Blobs, BodyDraft, HeaderField, Message, NewBody } from '../api/index.js'
import { scanHeader } from '../text/index.js'
import { createMessage } from './message.js'

export interface SpoolOptions {
  /** Messages up to this size never touch the store before they are accepted; default 65536. */
  readonly memoryBytes?: number
  /** What is kept of a header block; a longer one is cut and said to be broken. */
  readonly maxHeaderBytes: number
}

export interface Spooled {
  readonly body: NewBody
  readonly message: Message
  readonly fields: readonly HeaderField[]
  /** What is wrong with the header, in sentences. */
  readonly broken: readonly string[]
}

const MEMORY_BYTES = 64 * 1024
const MAX_PIECES = 256

export class Spool {
  readonly #blobs: Blobs
  readonly #memoryBytes: number
  readonly #maxHeaderBytes: number
  /** All of the message while it is small; the start of it, up to the header's limit, once it is in a draft. */
  #kept: Buffer[] = []
  #keptBytes = 0
  #headComplete = false
  #size = 0
  #draft: BodyDraft | undefined
  #over = false

  constructor(blobs: Blobs, { memoryBytes = MEMORY_BYTES, maxHeaderBytes }: SpoolOptions) {
    this.#blobs = blobs
    this.#memoryBytes = memoryBytes
    this.#maxHeaderBytes = maxHeaderBytes
  }

  /** Octets so far. */
  get size(): number {
    return this.#size
  }

  /** No promise, and so no cost, while the message stays in memory. The chunk belongs to the spool from now on. */
  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#over) throw new Error('spool is closed')
    this.#size += chunk.length
    if (this.#draft !== undefined) {
      this.#keepHead(chunk)
      return this.#draft.write(chunk)
    }
    this.#keep(chunk)
    return this.#size > this.#memoryBytes ? this.#moveToDraft() : undefined
  }

  #moveToDraft(): Promise<void> {
    const all = joined(this.#kept)
    this.#draft = this.#blobs.draft()
    const start = all.subarray(0, this.#maxHeaderBytes)
    const { ended, bodyStart } = scanHeader(start, 0)
    this.#headComplete = ended
    // A copy: a slice would hold on to all of it.
    this.#kept = [Buffer.from(start.subarray(0, bodyStart))]
    this.#keptBytes = bodyStart
    return this.#draft.write(all)
  }

  /** A header that goes on beyond what memory holds of the message is kept to its limit. */
  #keepHead(chunk: Buffer): void {
    const room = this.#maxHeaderBytes - this.#keptBytes
    if (this.#headComplete || room <= 0) return
    this.#keep(Buffer.from(chunk.subarray(0, room)))
    this.#keptBytes += Math.min(room, chunk.length)
  }

  /** A Buffer costs more than a hundred octets of its own: a message that comes in crumbs must not cost that much more. */
  #keep(chunk: Buffer): void {
    this.#kept.push(chunk)
    if (this.#kept.length === MAX_PIECES) this.#kept = [Buffer.concat(this.#kept)]
  }

  /** The message is complete. */
  async finish(): Promise<Spooled> {
    if (this.#over) throw new Error('spool is closed')
    this.#over = true
    const kept = joined(this.#kept)
    this.#kept = []
    const body: NewBody = this.#draft === undefined ? { kind: 'memory', bytes: kept } : await this.#draft.finish()
    const start = kept.subarray(0, this.#maxHeaderBytes)
    const { fields, bodyStart, ended, broken } = scanHeader(start)
    if (!ended && start.length < this.#size) broken.push(`header is longer than ${this.#maxHeaderBytes} octets`)
    const header = start.subarray(0, bodyStart)
    const read = readerOf(body, this.#blobs)
    return { body, message: createMessage({ size: this.#size, header, fields, broken, read }), fields, broken }
  }

  /** The message will not be taken. May be called at any time, also twice. */
  async abandon(): Promise<void> {
    this.#over = true
    this.#kept = []
    const draft = this.#draft
    this.#draft = undefined
    await draft?.abandon()
  }
}

/** Most messages come in one chunk. */
function joined(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

function readerOf(body: NewBody, blobs: Blobs): (from: number, to: number) => Promise<Buffer> {
  if (body.kind === 'stored') return (from, to) => blobs.read(body.id, from, to)
  const { bytes } = body
  return async (from, to) => bytes.subarray(from, to)
}
