/** A client's side of an SMTP or LMTP connection that may be cut at any moment: what cannot be read any more is thrown as `Gone`. */
import { connect, type Socket } from 'node:net'

export class Gone extends Error {}

/** A server that says nothing for so long is gone, too. */
const PATIENCE_MS = 30_000
/** Another server than ours has the port: whatever it says proves nothing of ours. */
export class Stranger extends Gone {}

const LAST_LINE = /^(?:\d{3}-.*\r\n)*(\d{3}) .*\r\n/

export class Talk {
  readonly #socket: Socket
  #text = ''
  #wake: () => void = () => undefined
  #gone = false

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

  /** Connects and greets; throws `Gone`, or `Stranger` when the greeting does not begin with `name`. */
  static async open(port: number, hello: string, name: string): Promise<Talk> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const talk = new Talk(socket)
    const greeting = await talk.#next()
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
    if (this.#gone) throw new Gone('closed')
    if (this.#socket.write(bytes)) return
    await new Promise<void>(resolve => {
      this.#socket.once('drain', resolve)
      this.#socket.once('close', () => resolve())
    })
  }

  /** Code of the next reply. */
  async reply(): Promise<number> {
    return Number((LAST_LINE.exec(await this.#next()) as RegExpExecArray)[1])
  }

  async #next(): Promise<string> {
    for (;;) {
      const found = LAST_LINE.exec(this.#text)
      if (found !== null) {
        this.#text = this.#text.slice(found[0].length)
        return found[0]
      }
      if (this.#gone) throw new Gone('closed')
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  cut(): void {
    this.#socket.destroy()
  }
}
