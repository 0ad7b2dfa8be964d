/**
 * The two directions of COMPRESS=DEFLATE (RFC 4978). Each has bounded memory: what comes is inflated piece by piece, and the next piece only when all
 * of the one before has been read, so that a few octets cannot become more than the reader asks for; what goes is ended by a sync flush with every
 * flush of the output, so that the client can read all of it.
 */
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'

/** With these a direction to the client costs some 50 KB; larger windows gain a few percent on mail. */
const DEFLATE = { level: 3, windowBits: 13, memLevel: 6 }

/** How a sync flush ends (RFC 1951 §3.2.4: an empty stored block). */
const FLUSHED = Buffer.from([0, 0, 0xff, 0xff])

export class Inflating {
  /** The octets are no DEFLATE, or no DEFLATE any more. */
  broken = false
  private readonly engine = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH })
  private readonly wake: () => void
  private raw: Buffer = Buffer.alloc(0)
  private busy = false
  private fed = 0
  private piece: Buffer = Buffer.alloc(0)

  constructor(wake: () => void) {
    this.wake = wake
    this.engine.on('readable', wake)
    this.engine.on('error', () => this.stop())
    // The client has ended its stream; what it sent behind is as it was.
    this.engine.on('end', () => {
      const behind = this.piece.subarray(this.piece.length - (this.fed - this.engine.bytesWritten))
      this.raw = Buffer.concat([behind, this.raw])
      this.stop()
    })
  }

  private stop(): void {
    this.broken = true
    this.busy = false
    this.wake()
  }

  feed(chunk: Buffer): void {
    this.raw = this.raw.length === 0 ? chunk : Buffer.concat([this.raw, chunk])
  }

  /** What is ready; if nothing is, more is made ready. */
  take(): Buffer | undefined {
    const ready = this.engine.read() as Buffer | null
    if (ready) return ready
    if (!this.busy && !this.broken && this.raw.length > 0) this.inflateNext()
    return undefined
  }

  /** Up to where the client flushed: what follows may be no DEFLATE any more (RFC 8437 §4.1). */
  private inflateNext(): void {
    const mark = this.raw.indexOf(FLUSHED)
    const stop = mark < 0 ? this.raw.length : mark + FLUSHED.length
    this.piece = this.raw.subarray(0, stop)
    this.raw = this.raw.subarray(stop)
    this.fed += this.piece.length
    this.busy = true
    this.engine.write(this.piece, () => {
      this.busy = false
      this.wake()
    })
  }

  /** Nothing more comes without being fed. */
  get quiet(): boolean {
    return !this.busy && this.raw.length === 0 && this.engine.readableLength === 0
  }

  /** What has not been inflated. */
  end(): Buffer {
    this.engine.removeAllListeners()
    this.engine.on('error', () => undefined)
    this.engine.close()
    return this.raw
  }
}

export class Deflating {
  private readonly engine = createDeflateRaw(DEFLATE)
  private ready: Buffer[] = []
  private fail: ((error: Error) => void) | undefined

  constructor() {
    this.engine.on('readable', () => this.collect())
    this.engine.on('error', error => this.fail?.(error))
  }

  private collect(): void {
    for (let chunk = this.engine.read() as Buffer | null; chunk; chunk = this.engine.read()) this.ready.push(chunk)
  }

  /** All of it, readable without anything that follows. One call at a time. */
  deflate(data: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.fail = reject
      this.engine.write(data)
      this.engine.flush(constants.Z_SYNC_FLUSH, () => {
        this.collect()
        resolve(Buffer.concat(this.ready))
        this.ready = []
      })
    })
  }

  end(): void {
    this.fail = undefined
    this.engine.close()
  }
}
