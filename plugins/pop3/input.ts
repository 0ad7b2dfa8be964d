/**
 * Lines from the client, pulled: nothing is read from the socket while a command runs, so a client that pipelines faster than
 * we serve waits in its own buffers. Every wait ends: with a line, a timeout, the socket's end, or the drain.
 */
import type { Socket } from 'node:net'
import { ConversationOver } from './over.js'

export interface LineWait {
  /** Octets with the line end. */
  readonly most: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const LF = 10
const CR = 13
const EMPTY = Buffer.alloc(0)
/** What we throw away of an endless line before we give up on the client. */
const MAX_SKIPPED = 64 * 1024

export class Input {
  /** Octets taken from the socket. */
  octets = 0
  #socket: Socket
  #held: Buffer = EMPTY
  #closed = false
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    this.attach(socket)
  }

  attach(socket: Socket): void {
    this.#socket = socket
    // Either may have been while sessions were being loaded, and is told but once.
    this.#closed = socket.destroyed || socket.readableEnded
    socket.on('readable', this.#onReadable).on('end', this.#onClosed).on('close', this.#onClosed)
  }

  /** Lets go of the socket and forgets what came in: RFC 2595 §4, nothing sent in clear may count after STLS. */
  detach(): void {
    this.#socket.off('readable', this.#onReadable).off('end', this.#onClosed).off('close', this.#onClosed)
    this.#held = EMPTY
  }

  readonly #onReadable = () => this.#wake?.()

  readonly #onClosed = () => {
    this.#closed = true
    this.#wake?.()
  }

  /** A whole line is here already. */
  get hasLine(): boolean {
    return this.#held.includes(LF)
  }

  /** The next line without its end; `undefined` for one that was too long and has been thrown away. */
  async line(wait: LineWait): Promise<Buffer | undefined> {
    let skipped = 0
    for (;;) {
      const end = this.#held.indexOf(LF)
      if (end >= 0) return this.#take(end, skipped > 0 || end + 1 > wait.most)
      if (this.#held.length >= wait.most) {
        skipped += this.#held.length
        this.#held = EMPTY
        if (skipped > MAX_SKIPPED) throw new ConversationOver('line-too-long')
      }
      await this.#more(wait)
    }
  }

  #take(end: number, tooLong: boolean): Buffer | undefined {
    const stop = end > 0 && this.#held[end - 1] === CR ? end - 1 : end
    const line = this.#held.subarray(0, stop)
    this.#held = this.#held.subarray(end + 1)
    return tooLong ? undefined : line
  }

  #more({ timeoutMs, signal }: LineWait): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (over?: ConversationOver) => {
        clearTimeout(timer)
        this.#wake = undefined
        signal.removeEventListener('abort', onDrain)
        if (over === undefined) resolve()
        else reject(over)
      }
      const onDrain = () => end(new ConversationOver('drain'))
      const timer = setTimeout(() => end(new ConversationOver('timeout')), timeoutMs)
      signal.addEventListener('abort', onDrain, { once: true })
      this.#wake = () => {
        if (this.#pull()) end()
        else if (this.#closed) end(new ConversationOver('closed'))
        else if (signal.aborted) onDrain()
      }
      this.#wake()
    })
  }

  #pull(): boolean {
    const chunk = this.#socket.read() as Buffer | null
    if (chunk === null) return false
    this.octets += chunk.length
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    return true
  }
}
