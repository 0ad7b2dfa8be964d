/**
 * Cuts what comes from the socket into command lines and message data; smtp-server's own parser ends lines at a bare LF, un-stuffs
 * dots behind one, and yields to the event loop for every stuffed line, so `_write` is replaced whole.
 * One command at a time: the next line is looked at when the one before is answered (RFC 2920 §3.2), and while a command runs the
 * rest of the input stays unread in the socket. Memory is bounded by one chunk and one line.
 */
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js'
import { Gone } from './gone.js'

const LF = 10
const CR = 13
const CRLF = Buffer.from('\r\n')
const NOTHING = Buffer.alloc(0)

/** After this many commands without waiting, other connections get their turn. */
const COMMANDS_AT_ONCE = 100

/** What may be wrong with a line before it is read. */
export type LineFault = 'bare-newline' | 'too-long'

export interface StreamEvents {
  /** `done` lets the next line come. */
  command(line: Buffer, done: () => void): void
  /** The rest of the line, up to its CRLF, is thrown away. */
  fault(fault: LineFault, done: () => void): void
  /** Everything the client sent before it closed its side has been answered. */
  ended(): void
}

/** Takes message data; gives the index after the end of the data, or -1 to be given more. */
export type DataTaker = (chunk: Buffer) => number | Promise<number>

interface Data {
  readonly take: DataTaker
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class SmtpStream extends SMTPStream {
  readonly #events: StreamEvents
  readonly #maxLine: number
  #input: Buffer = NOTHING
  #at = 0
  /** No line end before this index. */
  #searched = 0
  /** The line was found faulty: its rest is thrown away. */
  #skipping = false
  #running = false
  /** A command is being answered, or the greeting is. */
  #busy: boolean
  #data: Data | undefined
  #finished = false
  /** The taker has not finished with the last chunk. */
  #writing = false
  #next: (() => void) | undefined
  readonly #resume = (): void => {
    this.#busy = false
    this.#run()
  }
  readonly #drained = (): void => {
    this.emit('drain')
  }

  /** `held`: lines wait for `release`, until the greeting is out. */
  constructor(events: StreamEvents, maxLine: number, held: boolean) {
    super()
    this.#events = events
    this.#maxLine = maxLine
    this.#busy = held
  }

  release(): void {
    this.#resume()
  }

  /** Something came in that nobody has looked at yet. */
  get hasInput(): boolean {
    return this.#at < this.#input.length
  }

  /** From here on the input is message data, until `take` finds its end. Rejects when the connection ends first. */
  receive(take: DataTaker): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#data = { take, resolve, reject }
      this.#run()
    })
  }

  /** Nothing more is read; a message under way is given up. */
  abort(): void {
    this.isClosed = true
    const data = this.#data
    this.#data = undefined
    data?.reject(new Gone())
    this.#run()
  }

  /**
   * What `pipe` calls, and it brings no second chunk before `drain` when the first is still with us: there is nothing for a Writable to queue, and
   * its way of finding that out costs as much as reading a command.
   */
  override write(chunk: Buffer): boolean {
    this._write(chunk, 'buffer', this.#drained)
    return this.#next === undefined
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding | 'buffer', next: () => void): void {
    const rest = this.#at < this.#input.length ? this.#input.subarray(this.#at) : NOTHING
    this.#searched = Math.max(0, this.#searched - this.#at)
    this.#at = 0
    this.#input = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    this.#next = next
    this.#run()
  }

  /** A line without an end is not a command (RFC 5321 §2.3.8): what is left when the client goes is dropped. */
  override _flushData(): void {
    this.#finished = true
    this.#run()
  }

  #run(): void {
    if (this.#running) return
    this.#running = true
    try {
      for (let count = 0; this.#step(); count++) {
        if (count === COMMANDS_AT_ONCE) {
          setImmediate(() => this.#run())
          break
        }
      }
    } finally {
      this.#running = false
    }
  }

  /** True when there is more to do at once. */
  #step(): boolean {
    if (this.isClosed) {
      this.#input = NOTHING
      this.#at = 0
    }
    if (this.#at >= this.#input.length) return this.#finished ? this.#end() : this.#wantMore()
    if (this.#writing) return false
    if (this.#data !== undefined) return this.#feed(this.#data)
    if (this.#busy) return false
    return this.#skipping ? this.#skip() : this.#line()
  }

  /** The client has closed its side. The last command is still answered; a message that never ended is not waited for. */
  #end(): boolean {
    if (this.isClosed || (this.#busy && this.#data === undefined)) return false
    this.isClosed = true
    this.#events.ended()
    return false
  }

  #wantMore(): boolean {
    if (this.#at > 0) {
      this.#input = NOTHING
      this.#at = 0
      this.#searched = 0
    }
    return this.#ready()
  }

  /** Tells the socket that the chunk is used up; true when that brought the next chunk at once. */
  #ready(): boolean {
    const next = this.#next
    this.#next = undefined
    next?.()
    return this.#next !== undefined
  }

  #line(): boolean {
    const lf = this.#input.indexOf(LF, Math.max(this.#at, this.#searched))
    const length = (lf < 0 ? this.#input.length : lf - 1) - this.#at
    if (length > this.#maxLine) return this.#faulty('too-long', lf)
    if (lf < 0) {
      this.#searched = this.#input.length
      return this.#finished ? this.#end() : this.#ready()
    }
    if (lf === this.#at || this.#input[lf - 1] !== CR) return this.#faulty('bare-newline', lf)
    const line = this.#input.subarray(this.#at, lf - 1)
    this.#at = lf + 1
    this.#busy = true
    this.#events.command(line, this.#resume)
    return true
  }

  /** RFC 5321 §2.3.8: only CRLF ends a line. A bare LF is told at once, as a client that sends it would wait for ever. */
  #faulty(fault: LineFault, lf: number): boolean {
    const complete = lf > this.#at && this.#input[lf - 1] === CR
    this.#skipping = !complete
    // A CR at the very end may be the first half of the CRLF that ends the skipping.
    const last = this.#input.length - 1
    this.#at = lf >= 0 ? lf + 1 : this.#input[last] === CR ? last : last + 1
    this.#busy = true
    this.#events.fault(fault, this.#resume)
    return true
  }

  #skip(): boolean {
    const end = this.#input.indexOf(CRLF, this.#at)
    if (end >= 0) {
      this.#at = end + CRLF.length
      this.#skipping = false
      return true
    }
    const last = this.#input.length - 1
    if (this.#input[last] !== CR) {
      this.#at = last + 1
      return true
    }
    this.#at = last
    return this.#finished ? this.#end() : this.#ready()
  }

  #feed(data: Data): boolean {
    const end = this.#take(data)
    if (typeof end === 'number') return this.#fed(data, end)
    this.#writing = true
    const settle = (use: () => void): void => {
      this.#writing = false
      if (this.#data === data) use()
      this.#run()
    }
    end.then(
      at => settle(() => this.#fed(data, at)),
      (error: unknown) => settle(() => this.#lost(data, error)),
    )
    return false
  }

  #take(data: Data): number | Promise<number> {
    try {
      return data.take(this.#at === 0 ? this.#input : this.#input.subarray(this.#at))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #fed(data: Data, end: number): boolean {
    if (end < 0) this.#at = this.#input.length
    else {
      this.#at += end
      this.#data = undefined
      data.resolve()
    }
    return true
  }

  /** Where the message ends is no longer known: whatever follows must never be taken for commands. */
  #lost(data: Data, error: unknown): void {
    this.isClosed = true
    this.#data = undefined
    data.reject(error instanceof Error ? error : new Error(String(error)))
  }
}
