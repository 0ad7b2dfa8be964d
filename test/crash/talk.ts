/** A client's side of an SMTP or LMTP connection that may be cut at any moment: what cannot be read any more is thrown as `Gone`. */
import { connect, type Socket } from 'node:net'
import { Gone, Incoming } from './incoming.js'

/** Another server than ours has the port: whatever it says proves nothing of ours. */
export class Stranger extends Gone {}

const LAST_LINE = /^(?:\d{3}-.*\r\n)*(\d{3}) .*\r\n/

export class Talk {
  readonly #socket: Socket
  readonly #incoming: Incoming

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#incoming = new Incoming(socket)
  }

  /** Connects and greets; throws `Gone`, or `Stranger` when the greeting does not begin with `name`. */
  static async open(port: number, hello: string, name: string): Promise<Talk> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const talk = new Talk(socket)
    const greeting = await talk.#incoming.next(LAST_LINE)
    if (!greeting.startsWith('220')) throw new Gone('no greeting')
    if (greeting.slice(4).split(/\s/)[0] !== name) {
      talk.cut()
      throw new Stranger(`the port ${port} is not ours: ${greeting.trim()}`)
    }
    if ((await talk.ask(`${hello} load.test`)) !== 250) throw new Gone('no hello')
    return talk
  }

  async ask(command: string): Promise<number> {
    await this.send(`${command}\r\n`)
    return this.reply()
  }

  /** Resolves when the kernel has it all, or when it never will. */
  async send(bytes: string | Buffer): Promise<void> {
    if (this.#incoming.gone) throw new Gone('closed')
    if (this.#socket.write(bytes)) return
    await new Promise<void>(resolve => {
      this.#socket.once('drain', resolve)
      this.#socket.once('close', () => resolve())
    })
  }

  /** Code of the next reply. */
  async reply(): Promise<number> {
    return Number((LAST_LINE.exec(await this.#incoming.next(LAST_LINE)) as RegExpExecArray)[1])
  }

  cut(): void {
    this.#socket.destroy()
  }
}
