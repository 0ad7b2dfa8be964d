/** A small LMTP client for load (RFC 2033): one recipient, and a reply at a time. A message has no line that begins with a dot. */
import { connect, type Socket } from 'node:net'

export class Lmtp {
  readonly #socket: Socket
  #text = ''
  #heard: (reply: string) => void = () => undefined
  #failed: (error: Error) => void = () => undefined

  private constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', chunk => this.#read(chunk.toString('latin1')))
    this.#socket.on('error', error => this.#failed(error))
    this.#socket.on('close', () => this.#failed(new Error('LMTP: closed')))
  }

  static async open(port: number): Promise<Lmtp> {
    const lmtp = new Lmtp(port)
    await lmtp.#reply()
    await lmtp.#say('LHLO bench.test\r\n')
    return lmtp
  }

  async send(to: string, message: Buffer): Promise<void> {
    await this.#say('MAIL FROM:<sender@source.test>\r\n')
    await this.#say(`RCPT TO:<${to}>\r\n`)
    await this.#say('DATA\r\n')
    await this.#say(Buffer.concat([message, Buffer.from('.\r\n')]))
  }

  close(): void {
    this.#socket.destroy()
  }

  #say(text: string | Buffer): Promise<string> {
    const reply = this.#reply()
    this.#socket.write(text)
    return reply
  }

  #reply(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#heard = resolve
      this.#failed = reject
    })
  }

  #read(text: string): void {
    this.#text += text
    const last = /^(\d)\d\d .*\r\n$/m.exec(this.#text)
    if (last === null) return
    const reply = this.#text
    this.#text = ''
    if (last[1] === '2' || last[1] === '3') this.#heard(reply)
    else this.#failed(new Error(`LMTP: ${reply.trim()}`))
  }
}
