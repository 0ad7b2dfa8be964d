/**
 * A fast, plain SMTP client session: MAIL, RCPT and DATA in one packet (RFC 2920), one message at a time, the connection kept.
 * Used by the load source and by the relaying reference. Any answer but the expected one ends the session.
 */
import { connect, type Socket } from 'node:net'
import { connect as secure } from 'node:tls'

export interface Parcel {
  readonly sender: string
  readonly recipient: string
  /** Dot-stuffed octets with the closing dot. */
  readonly parts: readonly (string | Buffer)[]
}

type State = 'greeting' | 'hello' | 'starttls' | 'idle' | 'envelope' | 'content' | 'ended'

export interface SessionEvents {
  /** Greeting and EHLO are through. */
  ready(): void
  /** The closing dot has been written. */
  sent?(): void
  /** The message got its 250. */
  accepted(): void
  /** Over, by `quit` or by trouble; called once. */
  ended(trouble: string | undefined): void
}

export class SmtpSession {
  #socket: Socket
  #tls: boolean
  readonly #events: SessionEvents
  #state: State = 'greeting'
  #answers = 0
  #parcel: Parcel | undefined
  #partial = ''

  /** With `tls` it says STARTTLS before anything else; the certificate is believed, whoever's it is. */
  constructor(port: number, events: SessionEvents, tls = false) {
    this.#events = events
    this.#tls = tls
    this.#socket = this.#heard(connect({ port, host: '127.0.0.1', noDelay: true }))
  }

  #heard(socket: Socket): Socket {
    socket.on('data', (octets: Buffer) => this.#read(octets.toString('latin1')))
    socket.on('error', error => this.#end(error.message))
    socket.on('close', () => this.#end('the connection was closed'))
    return socket
  }

  #secure(): void {
    this.#tls = false
    this.#socket.removeAllListeners()
    this.#socket = this.#heard(secure({ socket: this.#socket, rejectUnauthorized: false }))
    this.#state = 'hello'
    this.#socket.write('EHLO source.test\r\n')
  }

  /** Only when ready or after `accepted`. */
  send(parcel: Parcel): void {
    this.#parcel = parcel
    this.#state = 'envelope'
    this.#answers = 0
    this.#socket.write(`MAIL FROM:<${parcel.sender}>\r\nRCPT TO:<${parcel.recipient}>\r\nDATA\r\n`)
  }

  quit(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#socket.end('QUIT\r\n')
    this.#events.ended(undefined)
  }

  /** At once, whatever is under way. */
  abort(trouble: string): void {
    this.#end(trouble)
  }

  #end(trouble: string): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#socket.destroy()
    this.#events.ended(trouble)
  }

  #read(text: string): void {
    const whole = this.#partial === '' ? text : this.#partial + text
    let start = 0
    for (;;) {
      const end = whole.indexOf('\n', start)
      if (end < 0) break
      // RFC 5321 §4.2.1: a hyphen after the code says that more lines follow.
      if (whole[start + 3] !== '-') this.#answer(whole.slice(start, end))
      start = end + 1
      if (this.#state === 'ended') return
    }
    this.#partial = whole.slice(start)
    if (this.#partial.length > 4096) this.#end('an endless reply line')
  }

  #answer(line: string): void {
    const state = this.#state
    if (state === 'ended' || state === 'idle') {
      if (state === 'idle') this.#end(`unexpected: ${line.slice(0, 120)}`)
      return
    }
    const wanted =
      state === 'greeting' || state === 'starttls' ? '220' : state === 'envelope' && this.#answers === 2 ? '354' : '250'
    if (!line.startsWith(wanted)) {
      this.#end(`${state}: ${line.slice(0, 120).trimEnd()}`)
      return
    }
    if (state === 'greeting') {
      this.#state = 'hello'
      this.#socket.write('EHLO source.test\r\n')
    } else if (state === 'starttls') this.#secure()
    else if (state === 'hello' && this.#tls) {
      this.#state = 'starttls'
      this.#socket.write('STARTTLS\r\n')
    } else if (state === 'hello') {
      this.#state = 'idle'
      this.#events.ready()
    } else if (state === 'envelope') {
      this.#answers += 1
      if (this.#answers === 3) this.#sendContent()
    } else {
      this.#state = 'idle'
      this.#events.accepted()
    }
  }

  #sendContent(): void {
    this.#state = 'content'
    const parts = this.#parcel!.parts
    this.#parcel = undefined
    this.#socket.cork()
    for (const part of parts) this.#socket.write(part, 'latin1')
    this.#socket.uncork()
    this.#events.sent?.()
  }
}
