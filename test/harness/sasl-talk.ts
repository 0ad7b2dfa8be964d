/**
 * A SASL client at work over SMTP, POP3 or IMAP: it connects, starts TLS, reads the list of mechanisms and carries an exchange to its
 * end. The three protocols differ only in the table below.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import type { SaslClient } from './sasl-client.js'

export type Way = 'implicit' | 'starttls' | 'clear'

export interface TalkOptions {
  readonly port: number
  readonly way: Way
  readonly version?: 'TLSv1.2' | 'TLSv1.3'
  /** More for the TLS handshake: a client certificate. */
  readonly tls?: ConnectionOptions
}

interface Words {
  readonly startTls: string
  readonly started: RegExp
  /** Asks for what the server can. */
  readonly ask: string
  /** Ends the answer to `ask`, and to a command. */
  readonly end: RegExp
  /** The mechanisms, in one group. */
  readonly mechanisms: RegExp
  readonly auth: string
  /** What precedes a challenge. */
  readonly challenge: RegExp
}

export const PROTOCOLS = {
  smtp: {
    startTls: 'STARTTLS',
    started: /^220 /,
    ask: 'EHLO client.test',
    end: /^\d{3} /,
    mechanisms: /^250[- ]AUTH (.*)$/,
    auth: 'AUTH',
    challenge: /^334 (.*)$/,
  },
  imap: {
    startTls: 't STARTTLS',
    started: /^t OK/,
    ask: 't CAPABILITY',
    end: /^t |^\* BYE/,
    mechanisms: /^\* CAPABILITY (.*)$/,
    auth: 't AUTHENTICATE',
    challenge: /^\+ (.*)$/,
  },
  pop3: {
    startTls: 'STLS',
    started: /^\+OK/,
    ask: 'CAPA',
    end: /^\.$|^-ERR/,
    mechanisms: /^SASL (.*)$/,
    auth: 'AUTH',
    challenge: /^\+ (.*)$/,
  },
} as const satisfies Record<string, Words>

export type Protocol = keyof typeof PROTOCOLS

export class SaslTalk {
  readonly #words: Words
  readonly #imap: boolean
  #socket: Socket
  #text = ''
  #closed = false
  #wake: () => void = () => undefined

  private constructor(protocol: Protocol, socket: Socket) {
    this.#words = PROTOCOLS[protocol]
    this.#imap = protocol === 'imap'
    this.#socket = socket
    this.#listen()
  }

  /** Greeted, and within TLS unless it goes in clear. */
  static async open(protocol: Protocol, { port, way, version, tls }: TalkOptions): Promise<SaslTalk> {
    const versions = version === undefined ? {} : { minVersion: version, maxVersion: version }
    const options = { ...tls, ...versions, rejectUnauthorized: false }
    const raw = connect(port, '127.0.0.1')
    await once(raw, 'connect')
    if (way !== 'implicit') {
      const talk = new SaslTalk(protocol, raw)
      await talk.line()
      if (way === 'starttls') await talk.#startTls(options)
      return talk
    }
    const secure = tlsConnect({ ...options, socket: raw })
    await once(secure, 'secureConnect')
    const talk = new SaslTalk(protocol, secure)
    await talk.line()
    return talk
  }

  async #startTls(options: ConnectionOptions): Promise<void> {
    if (this.#words.ask.startsWith('EHLO')) await this.ask()
    const answer = await this.say(this.#words.startTls)
    if (!this.#words.started.test(answer)) throw new Error(answer)
    this.#socket.removeAllListeners('data')
    const secure = tlsConnect({ ...options, socket: this.#socket })
    await once(secure, 'secureConnect')
    this.#socket = secure
    this.#listen()
  }

  #listen(): void {
    const wake = () => this.#wake()
    this.#socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      wake()
    })
    this.#socket.on('error', wake)
    this.#socket.on('close', () => {
      this.#closed = true
      wake()
    })
  }

  get tls(): TLSSocket {
    return this.#socket as TLSSocket
  }

  /** `tls-exporter` as the client has it. */
  get exporter(): Buffer {
    return this.tls.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
  }

  /** `END` when the server has closed. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return line
      }
      if (this.#closed) return 'END'
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  send(line: string): void {
    this.#socket.write(`${line}\r\n`)
  }

  say(line: string): Promise<string> {
    this.send(line)
    return this.#imap ? this.#tagged() : this.line()
  }

  /** The next line that is no news. */
  async #tagged(): Promise<string> {
    for (;;) {
      const line = await this.line()
      if (!line.startsWith('* ') || line.startsWith('* BYE')) return line
    }
  }

  /** Mechanisms that the server names. */
  async ask(): Promise<readonly string[]> {
    const { ask, end, mechanisms } = this.#words
    this.send(ask)
    let found: readonly string[] = []
    for (;;) {
      const line = await this.line()
      const list = mechanisms.exec(line)?.[1]
      if (list !== undefined) found = list.split(' ')
      if (end.test(line) || line === 'END') break
    }
    return this.#imap ? found.filter(word => word.startsWith('AUTH=')).map(word => word.slice(5)) : found
  }

  /** Carries an exchange out; the last line that the server says of it. */
  async authenticate(client: SaslClient, { initial = false } = {}): Promise<string> {
    const { auth, challenge } = this.#words
    const first = initial && client.initial !== undefined ? ` ${encoded(client.initial)}` : ''
    let answer = await this.say(`${auth} ${client.mechanism}${first}`)
    for (;;) {
      const data = challenge.exec(answer)?.[1]
      if (data === undefined) return answer
      answer = await this.say(client.respond(Buffer.from(data, 'base64')).toString('base64'))
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** RFC 4954 §4, RFC 4959 §3, RFC 5034 §4: an empty initial response is `=`. */
function encoded(response: Buffer): string {
  return response.length === 0 ? '=' : response.toString('base64')
}
