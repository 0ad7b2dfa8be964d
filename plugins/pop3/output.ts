/**
 * Octets to the client. Answers to pipelined commands are put together; when the client does not read, we wait, and not for ever.
 */
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { ConversationOver } from './over.js'

const FLUSH_BYTES = 32 * 1024
/** A client that reads fast enough never makes us wait, so that a long answer would hold up everybody else. */
const TURN_MS = 10

export class Output {
  /** Octets handed to the socket. */
  octets = 0
  #socket: Socket
  #parts: Buffer[] = []
  #waiting = 0
  #lastTurn = performance.now()
  readonly #stallMs: number

  constructor(socket: Socket, stallMs: number) {
    this.#socket = socket
    this.#stallMs = stallMs
  }

  attach(socket: Socket): void {
    this.#socket = socket
  }

  line(text: string): void {
    this.write(Buffer.from(`${text}\r\n`))
  }

  write(bytes: Buffer): void {
    this.#parts.push(bytes)
    this.#waiting += bytes.length
  }

  /** Flushes when enough is waiting, and lets others have their turn; whoever writes much calls it between pieces. */
  async room(): Promise<void> {
    if (this.#waiting >= FLUSH_BYTES) await this.flush()
    if (performance.now() - this.#lastTurn < TURN_MS) return
    await turn()
    this.#lastTurn = performance.now()
  }

  async flush(): Promise<void> {
    if (this.#waiting === 0) return
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
    this.#parts = []
    this.#waiting = 0
    this.octets += bytes.length
    if (this.#socket.destroyed || !this.#socket.writable) throw new ConversationOver('closed')
    if (!this.#socket.write(bytes)) await this.#drained()
  }

  #drained(): Promise<void> {
    const socket = this.#socket
    return new Promise((resolve, reject) => {
      const end = (over?: ConversationOver) => {
        clearTimeout(timer)
        socket.off('drain', onDrain).off('close', onClose)
        if (over === undefined) resolve()
        else reject(over)
      }
      const onDrain = () => end()
      const onClose = () => end(new ConversationOver('closed'))
      const timer = setTimeout(() => end(new ConversationOver('stalled')), this.#stallMs)
      socket.on('drain', onDrain).on('close', onClose)
    })
  }
}
