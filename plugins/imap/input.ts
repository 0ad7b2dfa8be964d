/**
 * Octets from the client, pulled: nothing is read from the socket while a command runs, so a client that sends faster than we serve
 * waits in its own buffers. Every wait has an end: a timeout, the socket's end, or a signal.
 */
import type { Socket } from 'node:net'
import { Inflating } from './deflate.js'

export type Waited = 'data' | 'closed' | 'timeout' | 'signal'
type Woken = Waited | 'broken'

export interface Wait {
  readonly timeoutMs: number
  /** The first of them to fire ends the wait. */
  readonly signals?: readonly AbortSignal[]
}

export type OverReason =
  | 'closed'
  | 'timeout'
  | 'drain'
  | 'line-too-long'
  | 'literal-too-large'
  | 'stalled'
  | 'errors'
  | 'logins'
  | 'mailbox-gone'
  /** A literal could not be sent to its end. */
  | 'torn'
  | 'handshake'
  /** What was to be DEFLATE is none. */
  | 'compression'
  | 'logout'
  | 'bug'

/** The conversation cannot go on; the session turns the reason into a BYE or just ends. */
export class ConversationOver extends Error {
  readonly reason: OverReason

  constructor(reason: OverReason) {
    super(reason)
    this.name = 'ConversationOver'
    this.reason = reason
  }
}

const LF = 0x0a

export class Input {
  /** Octets taken from the socket. */
  octets = 0
  private socket: Socket
  private held: Buffer[] = []
  private heldBytes = 0
  private closed = false
  private wake: (() => void) | undefined
  private inflating: Inflating | undefined

  constructor(socket: Socket) {
    this.socket = socket
    this.attach(socket)
  }

  attach(socket: Socket): void {
    this.socket = socket
    // Either may have been while sessions were being loaded, and is told but once.
    this.closed = socket.destroyed || socket.readableEnded
    socket.on('readable', this.onReadable)
    for (const event of ['end', 'close', 'error']) socket.on(event, this.onClosed)
  }

  /** Forgets what was received (RFC 3501 §6.2.1: nothing sent in clear may count after STARTTLS) and lets go of the socket. */
  detach(): void {
    this.socket.off('readable', this.onReadable)
    for (const event of ['end', 'close']) this.socket.off(event, this.onClosed)
    this.held = []
    this.heldBytes = 0
    this.inflating?.end()
    this.inflating = undefined
  }

  /** What is here and was not read yet is the first that is compressed, or that is not any more. */
  compress(on: boolean): void {
    const next = this.inflating?.end() ?? this.join()
    this.inflating = on ? new Inflating(this.onReadable) : undefined
    if (this.inflating) this.inflating.feed(next)
    this.hold(this.inflating ? Buffer.alloc(0) : next)
  }

  private readonly onReadable = () => this.wake?.()

  private readonly onClosed = () => {
    this.closed = true
    this.wake?.()
  }

  /** Waits until more octets are held than before. */
  async more(wait: Wait): Promise<Waited> {
    const waited = this.state() ?? (await this.woken(wait))
    if (waited === 'broken') throw new ConversationOver('compression')
    return waited
  }

  /** What needs no waiting. */
  private state(): Exclude<Woken, 'timeout'> | undefined {
    if (this.pull()) return 'data'
    if (this.inflating?.broken) return 'broken'
    return this.over ? 'closed' : undefined
  }

  private async woken(wait: Wait): Promise<Woken> {
    if (wait.signals?.some(signal => signal.aborted)) return 'signal'
    return new Promise<Woken>(resolve => {
      const end = (waited: Woken) => {
        clearTimeout(timer)
        this.wake = undefined
        for (const signal of wait.signals ?? []) signal.removeEventListener('abort', onSignal)
        resolve(waited)
      }
      const onSignal = () => end('signal')
      const timer = setTimeout(() => end('timeout'), wait.timeoutMs)
      for (const signal of wait.signals ?? []) signal.addEventListener('abort', onSignal, { once: true })
      this.wake = () => {
        const state = this.state()
        if (state) end(state)
      }
    })
  }

  private pull(): boolean {
    const chunk = this.inflating ? this.inflated(this.inflating) : this.received()
    if (chunk === undefined) return false
    this.held.push(chunk)
    this.heldBytes += chunk.length
    return true
  }

  private received(): Buffer | undefined {
    const chunk = this.socket.read() as Buffer | null
    this.octets += chunk?.length ?? 0
    return chunk ?? undefined
  }

  /** The socket is read only when all that came has been inflated. */
  private inflated(inflating: Inflating): Buffer | undefined {
    if (inflating.quiet) {
      const chunk = this.received()
      if (chunk) inflating.feed(chunk)
    }
    return inflating.take()
  }

  /** Nothing more will come. */
  private get over(): boolean {
    return this.closed && (this.inflating?.quiet ?? true)
  }

  /** A whole line that is already here, without its end; a bare LF ends one too, for people with telnet. */
  takeLine(most: number): string | undefined {
    const joined = this.join()
    const end = joined.indexOf(LF)
    if (end < 0 ? joined.length > most : end > most) throw new ConversationOver('line-too-long')
    if (end < 0) return undefined
    const stop = end > 0 && joined[end - 1] === 0x0d ? end - 1 : end
    this.hold(joined.subarray(end + 1))
    return joined.toString('latin1', 0, stop)
  }

  /** Up to `most` octets of what is here. */
  takeSome(most: number): Buffer {
    const joined = this.join()
    this.hold(joined.subarray(most))
    return joined.subarray(0, most)
  }

  private join(): Buffer {
    if (this.held.length > 1) this.held = [Buffer.concat(this.held)]
    return this.held[0] ?? Buffer.alloc(0)
  }

  private hold(rest: Buffer): void {
    this.held = rest.length > 0 ? [rest] : []
    this.heldBytes = rest.length
  }

  async line(most: number, wait: Wait): Promise<string> {
    for (;;) {
      const line = this.takeLine(most)
      if (line !== undefined) return line
      await this.insist(wait)
    }
  }

  /** `size` octets in pieces, as they come. */
  async *chunks(size: number, wait: Wait): AsyncGenerator<Buffer> {
    let left = size
    while (left > 0) {
      if (this.heldBytes === 0) await this.insist(wait)
      const chunk = this.takeSome(left)
      left -= chunk.length
      yield chunk
    }
  }

  private async insist(wait: Wait): Promise<void> {
    const waited = await this.more(wait)
    if (waited === 'data') return
    throw new ConversationOver(waited === 'signal' ? 'drain' : waited)
  }
}
