/**
 * smtp-server's connection, made ours: greeting without delay, command dispatch, replies with our codes, STARTTLS through core/net,
 * waiting and draining. What is left of the base class is the care of the socket: pipe, back-pressure, half-close and the end.
 * It overrides members that smtp-server does not document; the version is pinned and the conversations in test/ stand on them.
 */
import type { Socket } from 'node:net'
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js'
import type { Connection, SmtpReply, SmtpTurn, TlsFacts } from '../api/index.js'
import { rest } from '../net/resting.js'
import { ClientClock } from './client-clock.js'
import { Conversation } from './conversation.js'
import { formatReply } from './format.js'
import { Gone } from './gone.js'
import { type Answer, REPLY } from './replies.js'
import { LazyAbort, SessionScope } from './scope.js'
import type { SmtpServer } from './server.js'
import { SmtpSession } from './session.js'
import { type DataTaker, type LineFault, SmtpStream } from './stream.js'
import { MAX_AUTH_LINE, type Wire } from './wire.js'

interface LineWanted {
  readonly resolve: (line: Buffer) => void
  readonly reject: (gone: Gone) => void
}

export class SmtpConnection extends SMTPConnection implements Wire {
  readonly #post: SmtpServer
  readonly #peer: Connection
  readonly #talk: Conversation
  readonly #over: () => void
  readonly #gone = new LazyAbort()
  readonly #started: number
  /** A command is being answered: the client waits for us and not we for it. */
  #busy = true
  #line: LineWanted | undefined
  /** Lets the next line come. */
  #next: () => void = () => undefined
  readonly #clock = new ClientClock(
    ms => this.#peer.patience(ms),
    () => this.#expired(),
  )
  /** Message data is coming in, and a part of it is being taken. */
  #receiving = false
  #taking = false
  #isOver = false

  constructor(server: SmtpServer, connection: Connection, over: () => void) {
    const { id, remote, local } = connection.peer
    super(server, connection.socket, {
      id,
      remoteAddress: remote.address,
      remotePort: remote.port,
      localAddress: local.address,
      localPort: local.port,
    })
    this.#post = server
    this.#peer = connection
    this.#over = over
    this.#started = server.deps.clock.now()
    this.secure = connection.peer.tls !== undefined
    const { listener, deps } = server
    this.#talk = new Conversation({
      listener,
      deps,
      session: new SmtpSession(connection.peer, listener.protocol, deps.trusted(remote.address), deps.reverseOf),
      wire: this,
      scope: new SessionScope(this.#gone, connection.log),
      tlsOffered: connection.tlsOffered,
      // another one after STARTTLS
      binding: { data: type => connection.binding.data(type) },
    })
  }

  // ── beginning ──

  override init(): void {
    if (this._socket.destroyed) {
      this._onClose()
      return
    }
    this._setListeners(() => undefined)
    this.#clock.wait(this.#post.deps.limits.commandMs)
    this.#greet().catch((error: unknown) => {
      this.#peer.log.error({ err: error }, 'SMTP greeting failed')
      this._socket.destroy()
    })
  }

  async #greet(): Promise<void> {
    if (this.#peer.signal.aborted) {
      this.say(REPLY.draining)
      return
    }
    const greeting = await this.#talk.greet(() => this.pending)
    if (this.#isOver) return
    this._ready = true
    this.#busy = false
    this.say(greeting)
    this.#clock.wait(this.#post.deps.limits.commandMs)
    this.#stream?.release()
  }

  override _createParser(): SmtpStream {
    // Called by the base class before our own fields exist: nothing of them may be touched until the stream speaks.
    const server = this._server as SmtpServer
    const longest = Math.max(server.deps.limits.lineBytes, MAX_AUTH_LINE)
    return new SmtpStream(
      {
        command: (line, done) => this._onCommand(line, done),
        fault: (fault, done) => this.#onFault(fault, done),
        ended: () => this.#onEnded(),
      },
      longest,
      !this._ready,
    )
  }

  get #stream(): SmtpStream | undefined {
    return this._parser instanceof SmtpStream ? this._parser : undefined
  }

  // ── commands ──

  override _onCommand(line: Buffer, done: () => void = () => undefined): void {
    this.#next = () => this._whenWritable(done)
    this.#busy = true
    const wanted = this.#line
    if (wanted !== undefined) {
      this.#line = undefined
      wanted.resolve(line)
      return
    }
    const answer = this.#talk.answer(line)
    if (answer instanceof Promise) {
      answer.then(
        late => this.#answered(late),
        // Only `Gone` comes here: the client has left, or was told to and is given the time to read it.
        () => {
          if (!this._closing) this._socket.destroy()
        },
      )
    } else this.#answered(answer)
  }

  #onFault(fault: LineFault, done: () => void): void {
    this.#next = () => this._whenWritable(done)
    this.#busy = true
    const wanted = this.#line
    const reply = fault === 'bare-newline' ? REPLY.bareNewlineInCommand : REPLY.lineTooLong
    if (wanted === undefined) {
      this.#answered(reply)
      return
    }
    // In the exchange of AUTH: a line that no mechanism can read, so that AUTH itself refuses it.
    this.#line = undefined
    wanted.resolve(fault === 'too-long' ? Buffer.alloc(MAX_AUTH_LINE + 1) : Buffer.from('\n'))
  }

  #onEnded(): void {
    if (!this._closing) this.close()
  }

  #answered(answer: Answer): void {
    const replies: readonly SmtpReply[] = answer === undefined ? [] : 'code' in answer ? [answer] : answer
    if (replies.length > 1) this.#hold()
    for (const reply of replies) {
      this.say(reply)
      const last = this.#talk.sent(reply)
      if (last !== undefined) this.say(last)
    }
    if (this.#isOver || this._closing) return
    this.#busy = false
    this.#clock.wind()
    if (this.#peer.signal.aborted) this.drain()
    this.#next()
  }

  // ── the wire ──

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const text = data ?? ''
    this.say(typeof context === 'string' ? { code, text, status: context } : { code, text })
  }

  say(reply: SmtpReply): void {
    const { destroyed, writable } = this._socket
    // While the handshake runs, a reply would stand in clear in the middle of it.
    if (!this._upgrading && !this._closing && !destroyed && writable) {
      if (this.pending) this.#hold()
      this._socket.write(formatReply(reply, !this.#post.deps.smtp.without.includes('ENHANCEDSTATUSCODES')), 'latin1')
      this.#peer.log.debug({ code: reply.code, text: reply.text }, 'reply sent')
    }
    if (reply.code === 421 || reply.code === 221) {
      if (reply.code === 421) this.#talk.end ??= 'closed'
      this.close()
    }
  }

  /**
   * Replies to commands that came together leave together (RFC 2920 §3.2): all that is said in one turn of the event loop is one write.
   * 17,000 messages, most of them pipelined: 2.0 s of CPU instead of 2.35. The reply to a command that came alone leaves at once.
   */
  #hold(): void {
    const socket = this._socket
    if (socket.writableCorked > 0) return
    socket.cork()
    setImmediate(() => socket.uncork())
  }

  nextLine(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#isOver || this._closing) return reject(new Gone())
      this.#line = { resolve, reject }
      this.#busy = false
      this.#clock.wind()
      this.#next()
    })
  }

  async receive(take: DataTaker, begun = this.#post.deps.clock.now()): Promise<void> {
    const stream = this.#stream
    if (stream === undefined || this._closing) throw new Gone()
    const { dataMs, commandMs, messageMs } = this.#post.deps.limits
    const { clock } = this.#post.deps
    this.#receiving = true
    this.#clock.wait(dataMs)
    try {
      await stream.receive(chunk => {
        if (clock.now() - begun > this.#peer.patience(messageMs)) this.#expired()
        this.#clock.wind()
        const taken = take(chunk)
        return typeof taken === 'number' ? taken : this.#resting(taken)
      })
    } catch (error) {
      // Where the message ends is not known any more, so nothing that follows can be read as commands.
      if (!(error instanceof Gone)) this.say(REPLY.dataLost)
      throw error
    } finally {
      this.#receiving = false
      if (!this.#isOver) this.#clock.wait(commandMs)
    }
  }

  /** Until the part that was read is taken, nothing more is. */
  async #resting(taken: Promise<number>): Promise<number> {
    const wake = rest(this._socket)
    this.#taking = true
    try {
      return await taken
    } finally {
      this.#taking = false
      this.#clock.wind()
      wake()
    }
  }

  get pending(): boolean {
    return this.#stream?.hasInput ?? false
  }

  async startTls(ready: SmtpReply): Promise<TlsFacts> {
    const clear = this._socket
    this.say(ready)
    this._upgrading = true
    // The parser is retired with everything it still holds: it came in clear (RFC 3207 §4.2).
    const retired = this._parser
    if (retired) {
      clear.unpipe(retired)
      retired.isClosed = true
    }
    try {
      await flushed(clear)
      const facts = await this.#peer.startTls()
      if (this.#isOver) throw new Gone()
      this._socket = this.#peer.socket
      this._parser = this._createParser()
      this._upgrading = false
      this.secure = true
      this._setListeners(() => undefined)
      return facts
    } catch (error) {
      this.#talk.end ??= 'tls'
      this.#peer.log.info({ err: error, remote: this.#peer.peer.remote.address }, 'TLS handshake failed')
      this.#peer.socket.destroy()
      clear.destroy()
      throw new Gone()
    }
  }

  /** While the connection is away a command is being answered: the clock is wound, and a drain does not say 421 in between. */
  async turn({ reply, take }: SmtpTurn): Promise<never> {
    const socket = this._socket
    if (this._closing || this.#isOver || this._parser === undefined) throw new Gone()
    this.say(reply)
    const retired = this._parser
    if (retired) {
      socket.unpipe(retired)
      retired.isClosed = true
    }
    try {
      await flushed(socket)
      if (!this.#isOver) await take(socket, AbortSignal.any([this.#gone.signal, this.#peer.signal]))
    } catch (error) {
      this.#peer.log.error({ err: error }, 'the turned session failed')
    }
    throw new Gone()
  }

  // ── the clock ──

  #expired(): void {
    if (this.#isOver || this._closing) return
    if (this._upgrading) {
      this._socket.destroy()
    } else if (this.#receiving && !this.#taking) {
      this.#talk.end ??= 'timeout'
      this.say(REPLY.dataTimeout)
      this.#stream?.abort()
    } else if (this.#busy) {
      // RFC 5321 §4.5.3.2: it is the client who waits, and it waits for minutes.
      this.#clock.wind()
    } else {
      this.#talk.end ??= 'timeout'
      this.say(REPLY.commandTimeout)
    }
  }

  /** The socket's own idle clock is not used: any byte would wind it, and a client that sends one a minute would never be done. */
  override _armTimeout(): void {
    this._socket.setTimeout(0)
  }

  /** A session inside a transaction may finish it; all others are told to come again. */
  drain(): void {
    if (this.#busy || this._closing || this.#isOver || !this.#talk.idle) return
    this.#talk.end ??= 'drained'
    this.say(REPLY.draining)
  }

  // ── the end ──

  override _onError(error: Error): void {
    this.#peer.log.debug({ err: error }, 'SMTP connection failed')
    this._socket.destroy()
  }

  override _onCloseEvent(): void {
    this._onClose()
  }

  override _onClose(): void {
    const stream = this.#stream
    super._onClose()
    if (this.#isOver) return
    this.#isOver = true
    this.#clock.stop()
    stream?.abort()
    this.#line?.reject(new Gone())
    this.#line = undefined
    this.#talk.over(this.#started)
    this.#gone.abort()
    this.#over()
  }
}

/** What was written has left the process; also resolves when it never will. */
function flushed(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    socket.uncork()
    if (socket.destroyed || socket.writableLength === 0) return resolve()
    socket.write('', () => resolve())
  })
}
