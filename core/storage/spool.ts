/**
 * Where a message stays while it comes in: in memory to 64 KB, to 16 KB where many come in at once, then in a draft of the store that nothing refers to yet.
 * The header block is kept in memory either way, so that looking at fields reads nothing back.
 * One writer: it waits for the promise of a `write`, when there is one, before the next.
 */
import type { Blobs, BodyDraft, HeaderField, Message, NewBody } from '../api/index.js'
import { scanHeader } from '../text/index.js'
import { createMessage } from './message.js'

export interface SpoolOptions {
  /** Messages up to this size never touch the store before they are accepted; default 65536. */
  readonly memoryBytes?: number
  /** Shared with the others of the process; left out: alone. */
  readonly room?: SpoolRoom
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
/** What came with a piece may be kept in memory beside it, up to so many times its length. */
const MOST_BESIDE = 4
/** Of so many messages at a time each may have all its room. */
const ROOMY = 64
/** Of further ones. What one read from a socket brings is up to 64 KB as it is. */
const NARROW_BYTES = 16 * 1024

/** How many messages are coming in. A thousand large ones would hold 128 KB each in what is kept and has just been read. */
export class SpoolRoom {
  #holding = 0

  get narrow(): boolean {
    return this.#holding > ROOMY
  }

  /** What it gives is called when the message is complete or given up. */
  enter(): () => void {
    this.#holding++
    let inside = true
    return () => {
      if (inside) this.#holding--
      inside = false
    }
  }
}

export class Spool {
  readonly #blobs: Blobs
  readonly #memoryBytes: number
  readonly #maxHeaderBytes: number
  readonly #room: SpoolRoom | undefined
  #leave: (() => void) | undefined
  /** All of the message while it is small; the start of it, up to the header's limit, once it is in a draft. */
  #kept: Buffer[] = []
  #keptBytes = 0
  #headComplete = false
  #size = 0
  #draft: BodyDraft | undefined
  #over = false

  constructor(blobs: Blobs, { memoryBytes = MEMORY_BYTES, room, maxHeaderBytes }: SpoolOptions) {
    this.#blobs = blobs
    this.#memoryBytes = memoryBytes
    this.#maxHeaderBytes = maxHeaderBytes
    this.#room = room
  }

  /** Octets so far. */
  get size(): number {
    return this.#size
  }

  /** No promise, and so no cost, while the message stays in memory. The chunk belongs to the spool from now on. */
  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#over) throw new Error('spool is closed')
    this.#leave ??= this.#room?.enter()
    this.#size += chunk.length
    if (this.#draft !== undefined) {
      this.#keepHead(chunk)
      return this.#draft.write(chunk)
    }
    this.#keep(chunk)
    return this.#size > this.#mostInMemory ? this.#moveToDraft() : undefined
  }

  get #mostInMemory(): number {
    return this.#room?.narrow === true ? Math.min(NARROW_BYTES, this.#memoryBytes) : this.#memoryBytes
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
    // One octet may be a slice of the 64 KB that came with it: commands, other messages.
    this.#kept.push(chunk.length * MOST_BESIDE < chunk.buffer.byteLength ? Buffer.from(chunk) : chunk)
    if (this.#kept.length === MAX_PIECES) this.#kept = [Buffer.concat(this.#kept)]
  }

  /** The message is complete. */
  async finish(): Promise<Spooled> {
    if (this.#over) throw new Error('spool is closed')
    this.#over = true
    const kept = joined(this.#kept)
    this.#kept = []
    const body = await this.#bodyOf(kept)
    const start = kept.subarray(0, this.#maxHeaderBytes)
    const { fields, bodyStart, ended, broken } = scanHeader(start)
    if (!ended && start.length < this.#size) broken.push(`header is longer than ${this.#maxHeaderBytes} octets`)
    const header = start.subarray(0, bodyStart)
    const read = readerOf(body, this.#blobs)
    return { body, message: createMessage({ size: this.#size, header, fields, broken, read }), fields, broken }
  }

  async #bodyOf(kept: Buffer): Promise<NewBody> {
    try {
      return this.#draft === undefined ? { kind: 'memory', bytes: kept } : await this.#draft.finish()
    } finally {
      this.#leave?.()
    }
  }

  /** The message will not be taken. May be called at any time, also twice. */
  async abandon(): Promise<void> {
    this.#over = true
    this.#kept = []
    this.#leave?.()
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
