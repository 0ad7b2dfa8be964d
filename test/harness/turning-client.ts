/** A mail server that comes for its mail: it speaks as a client over TLS, says ATRN, and from then on its socket belongs to a sink. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { eventually } from './instance.js'

export class TurningClient {
  readonly socket: Socket
  /** Below TLS. */
  readonly raw: Socket
  #heard = ''

  constructor(socket: Socket, raw = socket) {
    this.socket = socket
    this.raw = raw
    raw.on('error', () => undefined)
    socket.on('data', this.#hear).on('error', () => undefined)
  }

  static async open(port: number): Promise<TurningClient> {
    const raw = connect(port, '127.0.0.1')
    const client = new TurningClient(connectTls({ socket: raw, rejectUnauthorized: false }), raw)
    await client.reply()
    await client.say('EHLO branch.test')
    return client
  }

  static async loggedIn(port: number, login: string, password: string): Promise<TurningClient> {
    const client = await TurningClient.open(port)
    const words = Buffer.from(`\0${login}\0${password}`).toString('base64')
    assert.match(await client.say(`AUTH PLAIN ${words}`), /^235 /)
    return client
  }

  readonly #hear = (chunk: Buffer): void => {
    this.#heard += chunk
  }

  async reply(): Promise<string> {
    return eventually(() => {
      const found = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(this.#heard)?.[0]
      if (found !== undefined) this.#heard = this.#heard.slice(found.length)
      return found
    })
  }

  say(line: string): Promise<string> {
    this.socket.write(`${line}\r\n`)
    return this.reply()
  }

  /** From here on the socket is the sink's. */
  leave(): Socket {
    this.socket.off('data', this.#hear)
    return this.socket
  }
}

/** Hands a small mail of alice's in, by the door for everybody. */
export async function sendMail(port: number, subject: string, ...to: readonly string[]): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const recipients = to.map(one => `RCPT TO:<${one}>\r\n`).join('')
  const mail = `Subject: ${subject}\r\nFrom: <alice@example.test>\r\n\r\nhello\r\n.\r\n`
  socket.on('error', () => undefined)
  socket.end(`HELO c.test\r\nMAIL FROM:<alice@example.test>\r\n${recipients}DATA\r\n${mail}QUIT\r\n`)
  let heard = ''
  for await (const chunk of socket) heard += chunk
  assert.match(heard, /354 [^\r]*\r\n250 /, heard)
}
