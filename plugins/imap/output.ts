/**
 * Octets to the client. Small writes are put together; when the client does not read, we wait, and not for ever:
 * whoever writes much calls `room()` between pieces, so that no answer is held in memory whole and other sessions get their turn.
 */
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { Deflating } from './deflate.js'
import { ConversationOver } from './input.js'

const FLUSH_BYTES = 64 * 1024
/** A client that reads fast enough never makes us wait, so that a long answer would hold up everybody else. */
const TURN_MS = 10

export class Output {
  /** Octets handed to the socket. */
  octets = 0
  private socket: Socket
  private parts: Buffer[] = []
  private text = ''
  private waiting = 0
  private deflating: Deflating | undefined
  private lastTurn = performance.now()
  private readonly stallMs: number

  constructor(socket: Socket, stallMs: number) {
    this.socket = socket
    this.stallMs = stallMs
  }

  attach(socket: Socket): void {
    this.socket = socket
  }

  get compressed(): boolean {
    return this.deflating !== undefined
  }

  /** What has been flushed is as it was. */
  compress(on: boolean): void {
    this.deflating?.end()
    this.deflating = on ? new Deflating() : undefined
  }

  /** Strings are octet strings. */
  write(data: string | Buffer): void {
    this.waiting += data.length
    if (typeof data === 'string') {
      this.text += data
      return
    }
    this.closeText()
    this.parts.push(data)
  }

  line(text: string): void {
    this.write(`${text}\r\n`)
  }

  private closeText(): void {
    if (this.text === '') return
    this.parts.push(Buffer.from(this.text, 'latin1'))
    this.text = ''
  }

  /** `room` has something to do: asked where a promise for every message would cost more than the message. */
  get crowded(): boolean {
    return this.waiting >= FLUSH_BYTES || performance.now() - this.lastTurn >= TURN_MS
  }

  /** Flushes when enough is waiting, and lets others have their turn. */
  async room(): Promise<void> {
    if (this.waiting >= FLUSH_BYTES) await this.flush()
    if (performance.now() - this.lastTurn < TURN_MS) return
    await turn()
    this.lastTurn = performance.now()
  }

  async flush(): Promise<void> {
    this.closeText()
    const { parts, socket } = this
    this.parts = []
    this.waiting = 0
    if (parts.length === 0) return
    if (socket.destroyed || !socket.writable) throw new ConversationOver('closed')
    const plain = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    const data = this.deflating ? await this.deflating.deflate(plain) : plain
    this.octets += data.length
    if (!socket.write(data)) await this.drained(socket)
  }

  private drained(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (failure?: ConversationOver) => {
        clearTimeout(timer)
        socket.off('drain', onDrain)
        socket.off('close', onClose)
        if (failure) reject(failure)
        else resolve()
      }
      const onDrain = () => end()
      const onClose = () => end(new ConversationOver('closed'))
      const timer = setTimeout(() => end(new ConversationOver('stalled')), this.stallMs)
      socket.on('drain', onDrain)
      socket.on('close', onClose)
    })
  }
}
