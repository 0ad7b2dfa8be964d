/**
 * A small IMAP client session for load: one command at a time, answers counted and thrown away, literals skipped without a look.
 * Optionally keeps the octets of an answer, so that the reference can replay them.
 */
import { connect, type Socket } from 'node:net'

export interface ImapAnswer {
  /** Untagged FETCH responses. */
  readonly fetched: number
  readonly bytes: number
  /** The tagged line. */
  readonly line: string
  /** Everything before the tagged line, when asked for. */
  readonly recorded?: Buffer
}

const CRLF = Buffer.from('\r\n')

interface Waiting {
  readonly tag: string
  readonly record: Buffer[] | undefined
  /** Ends at a continuation request. */
  readonly continues: boolean
  resolve(answer: ImapAnswer): void
  reject(error: Error): void
}

export class ImapSession {
  /** Messages of the selected mailbox, as far as was told. */
  messages = 0
  /** Told of each EXISTS. */
  exists: () => void = () => undefined
  readonly #socket: Socket
  #next = 1
  #waiting: Waiting | undefined
  #greeted: () => void = () => undefined
  #failed: (error: Error) => void = () => undefined
  #partial = ''
  #skip = 0
  #fetched = 0
  #bytes = 0
  /** The line under way began before a literal. */
  #continues = false

  private constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', chunk => this.#read(chunk))
    this.#socket.on('error', error => this.#fail(error.message))
    this.#socket.on('close', () => this.#fail('the connection was closed'))
  }

  /** Resolves after the greeting. */
  static open(port: number): Promise<ImapSession> {
    return new Promise((resolve, reject) => {
      const session: ImapSession = new ImapSession(port)
      session.#greeted = () => resolve(session)
      session.#failed = reject
    })
  }

  /** Resolves at the tagged OK; rejects on NO and BAD. */
  async run(command: string | Buffer, record = false): Promise<ImapAnswer> {
    const answer = await this.attempt(command, { record })
    if (!isOk(answer)) throw new Error(answer.line.slice(0, 160).trimEnd())
    return answer
  }

  /** Resolves at the tagged answer, whatever it says; with `continues` at a continuation request too. */
  attempt(
    command: string | Buffer,
    { record = false, continues = false }: { readonly record?: boolean; readonly continues?: boolean } = {},
  ): Promise<ImapAnswer> {
    const tag = `t${this.#next++}`
    const answer = this.#answer(tag, record, continues)
    if (typeof command === 'string') this.#socket.write(`${tag} ${command}\r\n`)
    else this.#socket.write(Buffer.concat([Buffer.from(`${tag} `), command, CRLF]))
    return answer
  }

  /** A line that is no command: the answer is that to the command under way. */
  goOn(line: string): Promise<ImapAnswer> {
    const answer = this.#answer(`t${this.#next - 1}`, false, false)
    this.#socket.write(`${line}\r\n`)
    return answer
  }

  #answer(tag: string, record: boolean, continues: boolean): Promise<ImapAnswer> {
    this.#fetched = 0
    this.#bytes = 0
    return new Promise((resolve, reject) => {
      this.#waiting = { tag, record: record ? [] : undefined, continues, resolve, reject }
    })
  }

  close(why = 'closed by the client'): void {
    this.#fail(why)
    this.#socket.destroy()
  }

  #fail(why: string): void {
    const error = new Error(why)
    this.#failed(error)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(error)
  }

  #read(chunk: Buffer): void {
    this.#waiting?.record?.push(chunk)
    this.#bytes += chunk.length
    let at = 0
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at)
        this.#skip -= step
        at += step
        continue
      }
      const end = chunk.indexOf(10, at)
      const piece = chunk.toString('latin1', at, end < 0 ? chunk.length : end + 1)
      if (end < 0) {
        this.#partial += piece
        return
      }
      const line = this.#partial + piece
      this.#partial = ''
      at = end + 1
      this.#line(line)
    }
  }

  #line(line: string): void {
    const first = !this.#continues
    this.#continues = line.endsWith('}\r\n') && this.#literal(line)
    if (!first) return
    if (line.startsWith('* ')) {
      if (line.indexOf(' FETCH (') > 0) this.#fetched += 1
      else this.#count(line)
      this.#greeted()
    } else if (line.startsWith('+') && this.#waiting?.continues === true) this.#done(line)
    else if (this.#waiting !== undefined && line.startsWith(`${this.#waiting.tag} `)) this.#done(line)
  }

  #literal(line: string): boolean {
    const size = Number(line.slice(line.lastIndexOf('{') + 1, -3))
    if (!Number.isSafeInteger(size)) return false
    this.#skip = size
    return true
  }

  /** RFC 3501 §7.3.1, §7.4.1 */
  #count(line: string): void {
    const found = /^\* (\d+) (EXISTS|EXPUNGE)/.exec(line)
    if (found === null) return
    this.messages = found[2] === 'EXISTS' ? Number(found[1]) : this.messages - 1
    if (found[2] === 'EXISTS') this.exists()
  }

  #done(line: string): void {
    const { record, resolve } = this.#waiting!
    this.#waiting = undefined
    const answer = { fetched: this.#fetched, bytes: this.#bytes, line }
    const whole = record === undefined ? undefined : Buffer.concat(record)
    resolve(whole === undefined ? answer : { ...answer, recorded: whole.subarray(0, whole.length - line.length) })
  }
}

export function isOk({ line }: Pick<ImapAnswer, 'line'>): boolean {
  return /^(t\d+ OK|\+)/.test(line)
}
