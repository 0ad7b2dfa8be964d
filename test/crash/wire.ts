/** A client's side of a POP3 or IMAP connection that may be cut at any moment: what cannot be read any more is thrown as `Gone`. */
import { connect, type Socket } from 'node:net'
import { Gone, Incoming } from './incoming.js'

export class Wire {
  readonly #socket: Socket
  readonly #incoming: Incoming
  #tags = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#incoming = new Incoming(socket)
  }

  static async open(port: number): Promise<Wire> {
    const wire = new Wire(connect({ port, host: '127.0.0.1', noDelay: true }))
    await wire.#incoming.next(/^.*\r\n/)
    return wire
  }

  /** POP3, one line. Throws `Gone` when it is no `+OK`: the server has other things to do. */
  async pop(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`)
    return ok(await this.#incoming.next(/^[+-].*\r\n/), /^\+OK/)
  }

  /** POP3, up to the dot. */
  async popLines(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`)
    return ok(await this.#incoming.next(/^(?:-ERR[^\r]*\r\n|\+OK.*?\r\n\.\r\n)/s), /^\+OK/)
  }

  /** IMAP, up to the tagged answer. Throws `Gone` when that is no OK. */
  async imap(command: string): Promise<string> {
    const tag = `a${++this.#tags}`
    this.#socket.write(`${tag} ${command}\r\n`)
    return ok(
      await this.#incoming.next(new RegExp(`^(?:.*\\r\\n)?${tag} [^\\r]*\\r\\n`, 's')),
      new RegExp(`^${tag} OK`, 'm'),
    )
  }

  cut(): void {
    this.#socket.destroy()
  }
}

function ok(answer: string, good: RegExp): string {
  if (!good.test(answer)) throw new Gone(answer.slice(0, 200))
  return answer
}
