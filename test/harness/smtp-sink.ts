/**
 * An SMTP server that takes mail and keeps it, for tests: what arrived is recorded octet for octet (after unstuffing), and a script
 * may answer anything at any stage, drop the connection, stay silent, be slow or send garbage. It can stop and come up on the same port.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { SinkAnswer, Stage } from './sink-script.js'

export interface SinkMessage {
  readonly sender: string
  readonly mailArgument: string
  readonly recipients: readonly string[]
  readonly data: Buffer
  readonly tls: boolean
  readonly helo: string
  /** Which connection it came by, from 1. */
  readonly connection: number
}

export interface SinkOptions {
  readonly name?: string
  readonly address?: string
  readonly port?: number
  /** EHLO keywords; STARTTLS is added when there is a certificate. */
  readonly keywords?: readonly string[]
  readonly tls?: {
    readonly cert: string
    readonly key: string
    /** Of the client. Who has none is sent an alert. */
    readonly wantsCertificate?: true
  }
  readonly script?: (stage: Stage, argument: string, connection: number) => SinkAnswer
  /** Is given each message; nothing is kept in `messages` then. */
  readonly taken?: (message: SinkMessage) => void
}

const KEYWORDS = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'SIZE 52428800']
const END = Buffer.from('\r\n.\r\n')

export class SmtpSink {
  readonly messages: SinkMessage[] = []
  /** Every command line, with the connection's number in front: `1 MAIL FROM:<a@b.example>`. */
  readonly commands: string[] = []
  /** Names that clients asked for (SNI), where they did. */
  readonly serverNames: string[] = []
  connections = 0
  /** Octets of floods that were taken. */
  flooded = 0
  options: SinkOptions
  #server: Server | undefined
  #port: number
  readonly #sockets = new Set<Socket>()
  readonly #closed = new Map<number, Promise<unknown>>()

  constructor(options: SinkOptions = {}) {
    this.options = options
    this.#port = options.port ?? 0
  }

  get port(): number {
    return this.#port
  }

  get address(): string {
    return this.options.address ?? '127.0.0.1'
  }

  /** Listens; after `stop` on the same port again. */
  async start(): Promise<this> {
    const server = createServer(socket => this.#serve(socket))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, this.address, resolve)
    })
    const bound = server.address()
    if (bound !== null && typeof bound !== 'string') this.#port = bound.port
    this.#server = server
    return this
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
    if (server !== undefined) await new Promise(resolve => server.close(resolve))
  }

  /** Resolves once that many messages are there. */
  async received(count: number, withinMs = 60_000): Promise<readonly SinkMessage[]> {
    const end = Date.now() + withinMs
    while (this.messages.length < count) {
      if (Date.now() > end) throw new Error(`${this.messages.length} of ${count} messages after ${withinMs} ms`)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    return this.messages
  }

  /** Resolves when that connection is over. */
  async closed(connection: number): Promise<void> {
    await this.#closed.get(connection)
  }

  keep(message: SinkMessage): void {
    if (this.options.taken === undefined) this.messages.push(message)
    else this.options.taken(message)
  }

  /** Serves a connection that was made elsewhere. */
  adopt(socket: Socket): void {
    this.#serve(socket)
  }

  #serve(socket: Socket): void {
    this.connections += 1
    this.#sockets.add(socket)
    const closed = new Promise(resolve => socket.once('close', resolve))
    this.#closed.set(this.connections, closed)
    void closed.then(() => this.#sockets.delete(socket))
    new SinkConversation(this, socket, this.connections).begin()
  }
}

class SinkConversation {
  readonly #sink: SmtpSink
  readonly #number: number
  readonly #timers = new Set<NodeJS.Timeout>()
  #socket: Socket
  #buffered = Buffer.alloc(0)
  #busy = false
  #inData = false
  #cut = Number.POSITIVE_INFINITY
  /** Octets of a BDAT chunk still to come. */
  #chunk: { size: number; last: boolean } | undefined
  #chunks: Buffer[] = []
  #tls = false
  #helo = ''
  #mail: string | undefined
  #recipients: string[] = []

  constructor(sink: SmtpSink, socket: Socket, number: number) {
    this.#sink = sink
    this.#socket = socket
    this.#number = number
  }

  begin(): void {
    this.#listen()
    this.#answer('connect', '', `220 ${this.#name} ESMTP`)
  }

  get #name(): string {
    return this.#sink.options.name ?? 'sink.test'
  }

  #listen(): void {
    this.#socket.on('data', chunk => {
      this.#buffered = Buffer.concat([this.#buffered, chunk])
      this.#next()
    })
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.on('close', () => {
      for (const timer of this.#timers) clearTimeout(timer)
    })
  }

  #next(): void {
    while (!this.#busy) {
      if (this.#inData) {
        if (!this.#takeData()) return
        continue
      }
      if (this.#chunk !== undefined) {
        if (!this.#takeChunk(this.#chunk)) return
        continue
      }
      const end = this.#buffered.indexOf('\r\n')
      if (end < 0) return
      const line = this.#buffered.subarray(0, end).toString('utf8')
      this.#buffered = this.#buffered.subarray(end + 2)
      this.#sink.commands.push(`${this.#number} ${line}`)
      this.#command(line)
    }
  }

  #command(line: string): void {
    const [verb = ''] = line.toUpperCase().split(' ')
    switch (verb) {
      case 'EHLO':
      case 'HELO':
        this.#helo = line.slice(5)
        this.#answer('ehlo', line, verb === 'EHLO' ? this.#greeting() : `250 ${this.#name}`)
        return
      case 'STARTTLS':
        this.#answer('starttls', line, '220 2.0.0 go ahead', () => this.#upgrade())
        return
      case 'MAIL':
        this.#answer('mail', line, this.#mail === undefined ? '250 2.1.0 ok' : '503 5.5.1 nested MAIL', () => {
          this.#mail = line.slice('MAIL FROM:'.length)
          this.#recipients = []
        })
        return
      case 'RCPT':
        this.#answer('rcpt', line, this.#mail === undefined ? '503 5.5.1 MAIL first' : '250 2.1.5 ok', () =>
          this.#recipients.push(pathOf(line.slice('RCPT TO:'.length))),
        )
        return
      case 'DATA': {
        const usual = this.#recipients.length > 0 ? '354 go on' : '554 5.5.1 no valid recipients'
        this.#answer('data', line, usual, () => {
          this.#inData = true
        })
        return
      }
      case 'BDAT': {
        // Scripted, it is answered at once, and the octets behind it are taken for commands.
        const scripted = this.#sink.options.script?.('bdat', line, this.#number)
        if (scripted === undefined) this.#chunk = { size: Number(line.split(' ')[1]), last: / LAST$/i.test(line) }
        else if (typeof scripted === 'string') this.#reply(scripted, () => undefined)
        else this.#misbehave(scripted, '250 2.0.0 chunk', () => undefined)
        return
      }
      case 'RSET':
        this.#mail = undefined
        this.#recipients = []
        this.#chunks = []
        this.#answer('rset', line, '250 2.0.0 ok')
        return
      case 'QUIT':
        this.#answer('quit', line, '221 2.0.0 bye', () => this.#socket.end())
        return
      default:
        this.#answer('other', line, '500 5.5.2 what?')
    }
  }

  #greeting(): string {
    const { keywords = KEYWORDS, tls } = this.#sink.options
    const all = [this.#name, ...keywords, ...(tls !== undefined && !this.#tls ? ['STARTTLS'] : [])]
    return all.map((word, i) => `250${i === all.length - 1 ? ' ' : '-'}${word}`).join('\r\n')
  }

  /** True when a whole message was there. */
  #takeData(): boolean {
    if (this.#buffered.length > this.#cut) {
      this.#socket.destroy()
      return false
    }
    const empty = this.#buffered.subarray(0, 3).toString('latin1') === '.\r\n'
    const end = empty ? -2 : this.#buffered.indexOf(END)
    if (end < 0 && !empty) return false
    const stuffed = this.#buffered.subarray(0, end + 2)
    this.#buffered = this.#buffered.subarray(end + END.length)
    this.#inData = false
    this.#taken(unstuff(stuffed))
    return true
  }

  #takeChunk({ size, last }: { size: number; last: boolean }): boolean {
    if (this.#buffered.length < size) return false
    this.#chunks.push(this.#buffered.subarray(0, size))
    this.#buffered = this.#buffered.subarray(size)
    this.#chunk = undefined
    // RFC 3030 §2: discarded all the same.
    if (this.#recipients.length === 0) this.#reply('503 5.5.1 no valid recipients', () => this.#chunks.splice(0))
    else if (last) this.#taken(Buffer.concat(this.#chunks.splice(0)))
    else this.#answer('data', 'BDAT', '250 2.0.0 chunk')
    return true
  }

  #taken(data: Buffer): void {
    const message: SinkMessage = {
      sender: pathOf(this.#mail ?? ''),
      mailArgument: this.#mail ?? '',
      recipients: this.#recipients,
      data,
      tls: this.#tls,
      helo: this.#helo,
      connection: this.#number,
    }
    this.#mail = undefined
    this.#recipients = []
    this.#answer('end', '', '250 2.0.0 taken', () => this.#sink.keep(message))
  }

  /** Sends the scripted or the usual answer; `then` runs when it was a positive one. */
  #answer(stage: Stage, argument: string, usual: string, then: () => void = () => undefined): void {
    const scripted = this.#sink.options.script?.(stage, argument, this.#number)
    if (scripted === undefined || typeof scripted === 'string') this.#reply(scripted ?? usual, then)
    else this.#misbehave(scripted, usual, then)
  }

  #misbehave(scripted: Exclude<SinkAnswer, undefined | string>, usual: string, then: () => void): void {
    switch (scripted.kind) {
      case 'drop':
        if (scripted.reply !== undefined) this.#socket.write(`${scripted.reply}\r\n`)
        this.#busy = true
        this.#socket.end(() => this.#socket.destroy())
        return
      case 'silent':
        this.#busy = true
        return
      case 'late':
        this.#busy = true
        this.#later(scripted.ms, () => this.#goOn(scripted.reply ?? usual, then))
        return
      case 'when':
        this.#busy = true
        void scripted.told.then(() => this.#goOn(scripted.reply ?? usual, then))
        return
      case 'also':
        this.#reply(usual, then)
        void scripted.later.then(() => this.#reply(scripted.reply, () => undefined))
        return
      case 'raw':
        this.#socket.write(scripted.bytes)
        return
      case 'cut':
        this.#cut = scripted.after
        this.#reply(usual, then)
        return
      case 'lost':
        this.#busy = true
        then()
        this.#socket.destroy()
        return
      case 'flood':
        this.#busy = true
        this.#flood(Buffer.from(scripted.bytes.repeat(Math.ceil(65_536 / scripted.bytes.length))))
        return
      case 'endless':
        this.#busy = true
        this.#trickle(scripted.bytes, scripted.everyMs)
    }
  }

  #goOn(text: string, then: () => void): void {
    this.#busy = false
    this.#reply(text, then)
    this.#next()
  }

  #reply(text: string, then: () => void): void {
    if (this.#socket.writable) this.#socket.write(`${text}\r\n`)
    if (/^[23]/.test(text)) then()
  }

  #flood(bytes: Buffer): void {
    while (this.#socket.writable && !this.#socket.writableNeedDrain) {
      this.#sink.flooded += bytes.length
      this.#socket.write(bytes)
    }
    this.#socket.once('drain', () => this.#flood(bytes))
  }

  #trickle(bytes: string, everyMs: number): void {
    if (!this.#socket.writable) return
    this.#socket.write(bytes)
    this.#later(everyMs, () => this.#trickle(bytes, everyMs))
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }

  #upgrade(): void {
    const { tls } = this.#sink.options
    if (tls === undefined) return
    const plain = this.#socket
    plain.removeAllListeners('data')
    this.#buffered = Buffer.alloc(0)
    const secureContext = createSecureContext(tls)
    this.#socket = new TLSSocket(plain, {
      isServer: true,
      secureContext,
      requestCert: tls.wantsCertificate === true,
      rejectUnauthorized: tls.wantsCertificate === true,
      SNICallback: (name, done) => {
        this.#sink.serverNames.push(name)
        done(null, secureContext)
      },
    })
    this.#tls = true
    this.#mail = undefined
    this.#listen()
  }
}

function pathOf(argument: string): string {
  return /<(.*?)>/.exec(argument)?.[1] ?? ''
}

function unstuff(stuffed: Buffer): Buffer {
  const lines = stuffed.toString('latin1').replace(/(^|\r\n)\./g, '$1')
  return Buffer.from(lines, 'latin1')
}
