/** A client's side of a POP3 or IMAP connection that may be cut at any moment: what cannot be read any more is thrown as `Gone`. */
import { connect, type Socket } from 'node:net'
import { Gone } from './talk.js'

/** A server that says nothing for so long is gone, too. */
const PATIENCE_MS = 30_000

export class Wire {
  readonly #socket: Socket
  #text = ''
  #tags = 0
  #gone = false
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    socket.on('data', (text: unknown) => {
      this.#text += text as string
      this.#wake()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#gone = true
      this.#wake()
    })
  }

  static async open(port: number): Promise<Wire> {
    const wire = new Wire(connect({ port, host: '127.0.0.1', noDelay: true }))
    await wire.#until(/^.*\r\n/)
    return wire
  }

  /** POP3, one line. Throws `Gone` when it is no `+OK`: the server has other things to do. */
  async pop(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`)
    return ok(await this.#until(/^[+-].*\r\n/), /^\+OK/)
  }

  /** POP3, up to the dot. */
  async popLines(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`)
    return ok(await this.#until(/^(?:-ERR[^\r]*\r\n|\+OK.*?\r\n\.\r\n)/s), /^\+OK/)
  }

  /** IMAP, up to the tagged answer. Throws `Gone` when that is no OK. */
  async imap(command: string): Promise<string> {
    const tag = `a${++this.#tags}`
    this.#socket.write(`${tag} ${command}\r\n`)
    return ok(await this.#until(new RegExp(`^(?:.*\\r\\n)?${tag} [^\\r]*\\r\\n`, 's')), new RegExp(`^${tag} OK`, 'm'))
  }

  cut(): void {
    this.#socket.destroy()
  }

  async #until(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#text)?.[0]
      if (found !== undefined) {
        this.#text = this.#text.slice(found.length)
        return found
      }
      if (this.#gone) throw new Gone('closed')
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

function ok(answer: string, good: RegExp): string {
  if (!good.test(answer)) throw new Gone(answer.slice(0, 200))
  return answer
}
