/**
 * One TCP connection to a mail server: bytes out with back-pressure, replies in, in order, every wait with an end.
 * It knows nothing of mail. Everything that goes wrong comes out as `Trouble` and leaves the connection dead.
 */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type PeerCertificate, TLSSocket } from 'node:tls'
import type { TlsFailure } from 'posthouse/api'
import { printable } from 'posthouse/text'
import { type Reply, ReplyReader } from './reply.js'
import { type Doubt, systemReason, Trouble } from './trouble.js'

export interface Place {
  /** As it is called: the MX or route host. */
  readonly host: string
  readonly address: string
  readonly port: number
  /** A Unix socket in place of address and port. */
  readonly path?: string
}

/** `mx1.example.net [192.0.2.1]:25`, `unix:/run/lmtp` */
export function remoteOf({ host, address, port, path }: Place): string {
  return path === undefined ? `${host} [${address}]:${port}` : `unix:${path}`
}

/** The certificate is looked at. */
export interface Proof {
  /** PEM; left out: the authorities Node.js knows. */
  readonly ca?: string
  /** `demanded`: there is no session without a good certificate; `noted`: what is wrong with it stands in `doubt`. */
  readonly kind: 'demanded' | 'noted'
  /** Why the certificate is not for this name; left out: the rules of Node.js. */
  wrongName?(name: string, certificate: PeerCertificate): Error | undefined
  /** Why the peer is not who it should be, in place of authorities and name. */
  judge?(peer: TLSSocket): Doubt | undefined
  /** The name to ask for (SNI), when it is not that of the host. */
  readonly called?: string
}

interface Waiter {
  resolve(reply: Reply): void
  reject(trouble: Trouble): void
}

/**
 * What the peers of all connections in clear say is read into this and looked at before anything else is read; Node.js would make a buffer of 64 KB
 * for each reply. Nothing may keep a piece of it.
 */
const INBOX = Buffer.allocUnsafeSlow(65_536)
/** Up to here putting pieces together is quicker than handing them over one by one. */
const COPY_BYTES = 16_384
/** Replies nobody has asked for yet: a pipelined group is far smaller. */
const MAX_WAITING = 512

export class MailConnection {
  readonly place: Place
  /** As `remoteOf` says it. */
  readonly remote: string
  /** `TLSv1.3` once it is encrypted. */
  tls: string | undefined
  /** Why the certificate proves nothing, when it was looked at. */
  doubt: Doubt | undefined
  #socket: Socket
  #reader = new ReplyReader()
  #replies: Reply[] = []
  #waiter: Waiter | undefined
  /** One clock for all replies: it rings when the reply that is waited for now is late, or earlier, and then it is wound again. */
  #clock: NodeJS.Timeout | undefined
  #rings = 0
  #until = 0
  #dead: Trouble | undefined
  #writeFailed: ((trouble: Trouble) => void) | undefined
  #disturbed: (() => void) | undefined
  #unlisten: () => void = ignoreAfterEnd

  private constructor(place: Place, socket: Socket) {
    this.place = place
    this.remote = remoteOf(place)
    this.#socket = socket
    this.#listen()
  }

  /** `local`: the address of ours that it goes out by. */
  static async open(place: Place, timeoutMs: number, signal: AbortSignal, local?: string): Promise<MailConnection> {
    if (signal.aborted) throw new Trouble('cancelled', 'delivery was cancelled')
    const { address: host, port, path } = place
    const from = local === undefined ? {} : { localAddress: local }
    const early: Buffer[] = []
    let take = (chunk: Buffer): unknown => early.push(Buffer.from(chunk))
    const callback = (octets: number): boolean => {
      take(INBOX.subarray(0, octets))
      return true
    }
    const to = path === undefined ? { host, port, noDelay: true, ...from } : { path }
    const socket = connect({ ...to, onread: { buffer: INBOX, callback } })
    try {
      await settled(socket, 'connect', timeoutMs, signal)
    } catch (error) {
      socket.destroy()
      if (error instanceof Trouble) throw error
      if (isOfBind(error)) throw new Trouble('bind', `${local} is no address of this machine`, error)
      throw new Trouble('connect', `cannot connect: ${systemReason(error)}`, error)
    }
    const connection = new MailConnection(place, socket)
    take = chunk => connection.#take(chunk)
    for (const chunk of early) take(chunk)
    return connection
  }

  /** Somebody else has made the connection; `tls`: what it is encrypted with. */
  static over(place: Place, socket: Socket, tls?: string): MailConnection {
    const connection = new MailConnection(place, socket)
    connection.tls = tls
    // Whoever had it before may have left it paused.
    socket.resume()
    if (socket.destroyed) connection.fail(new Trouble('lost', 'the peer closed the connection'))
    return connection
  }

  /** Resolves when the connection is closed; after `quit` or `fail` that is soon. */
  async closed(): Promise<void> {
    const socket = this.#socket
    if (!socket.destroyed) await new Promise<void>(resolve => socket.once('close', () => resolve()))
  }

  /** Our address. */
  get local(): string | undefined {
    return this.#socket.localAddress
  }

  /** RFC 9266 §2: what a login may be bound to; TLS 1.3 alone. */
  get exporter(): Buffer | undefined {
    const socket = this.#socket
    if (!(socket instanceof TLSSocket) || socket.destroyed || this.tls !== 'TLSv1.3') return undefined
    return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
  }

  /** Nothing is wrong, nothing is left over. */
  get quiet(): boolean {
    return this.#dead === undefined && this.#replies.length === 0 && !this.#reader.open && this.#socket.writable
  }

  /** There is a reply that has not been asked for. */
  get replied(): boolean {
    return this.#replies.length > 0
  }

  /** The next reply, where it is there already: nobody need wait for it. */
  replyAtHand(): Reply | undefined {
    return this.#replies.shift()
  }

  /** The next reply, in the order of the commands. `timeoutMs` is for the whole of it, however it trickles. */
  reply(timeoutMs: number): Promise<Reply> {
    const ready = this.#replies.shift()
    if (ready !== undefined) return Promise.resolve(ready)
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    return new Promise<Reply>((resolve, reject) => {
      this.#waiter = { resolve, reject }
      this.#until = performance.now() + timeoutMs
      if (this.#clock === undefined || this.#until < this.#rings) this.#wind(timeoutMs)
    })
  }

  #wind(ms: number): void {
    clearTimeout(this.#clock)
    this.#rings = performance.now() + ms
    this.#clock = setTimeout(() => this.#look(), ms)
  }

  #look(): void {
    this.#clock = undefined
    if (this.#waiter === undefined) return
    const left = this.#until - performance.now()
    // A timer may ring a moment early.
    if (left > 1) this.#wind(left)
    else this.fail(new Trouble('timeout', 'no reply in time'))
  }

  /** Resolves when more may be written. Pieces leave together. */
  async write(bytes: string | readonly Buffer[], timeoutMs: number): Promise<void> {
    if (this.#dead !== undefined) throw this.#dead
    const socket = this.#socket
    if (typeof bytes === 'string') socket.write(bytes)
    else writeTogether(socket, bytes)
    // Already with the kernel: nothing to wait for.
    if (socket.writableLength === 0) return
    if (!socket.writableNeedDrain) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.fail(new Trouble('timeout', 'the peer does not take our data')), timeoutMs)
      const end = () => {
        clearTimeout(timer)
        socket.off('drain', drained)
        this.#writeFailed = undefined
      }
      const drained = () => {
        end()
        resolve()
      }
      socket.on('drain', drained)
      this.#writeFailed = trouble => {
        end()
        reject(trouble)
      }
    })
  }

  /**
   * After the 220 to STARTTLS, or before anything else. Without `proof` certificates are not checked: any encryption beats none.
   * `called`: another name than the host's to ask for and to look for in the certificate.
   */
  async startTls(timeoutMs: number, signal: AbortSignal, proof?: Proof, called?: string): Promise<void> {
    // RFC 3207 §4.2 and CVE-2011-0411: what came in clear after the 220 may be an attacker's; nothing of it is believed.
    if (!this.quiet)
      throw this.fail(new Trouble('tls', 'the peer spoke before the TLS handshake', undefined, 'validation-failure'))
    const plain = this.#socket
    this.#unlisten()
    plain.on('error', ignoreAfterEnd)
    const host = proof?.called ?? called ?? this.place.host
    const secure = connectTls({
      socket: plain,
      host,
      rejectUnauthorized: false,
      ...(proof?.ca === undefined ? {} : { ca: proof.ca }),
      ...(proof?.wrongName === undefined ? {} : { checkServerIdentity: proof.wrongName }),
      ...(isIP(host) === 0 ? { servername: host } : {}),
    })
    this.#socket = secure
    try {
      await settled(secure, 'secureConnect', timeoutMs, signal)
    } catch (error) {
      throw this.fail(handshakeTrouble(error))
    }
    // RFC 8689 §4.2.1, RFC 8461 §4.2: the chain leads to somebody we trust, and the name is the host's.
    this.doubt = doubtOf(secure, host, proof)
    if (this.doubt !== undefined && proof?.kind === 'demanded')
      throw this.fail(new Trouble('untrusted', this.doubt.words, undefined, this.doubt.failure))
    this.tls = secure.getProtocol() ?? 'TLS'
    this.#reader = new ReplyReader()
    this.#listen()
  }

  /** Ends the connection with this trouble: everyone who waits hears it. */
  fail(trouble: Trouble): Trouble {
    if (this.#dead === undefined) {
      this.#dead = trouble
      clearTimeout(this.#clock)
      trouble.local ??= this.local
      this.#socket.on('error', ignoreAfterEnd)
      this.#socket.destroy()
      this.#waiter?.reject(trouble)
      this.#waiter = undefined
      this.#writeFailed?.(trouble)
      this.#disturbed?.()
    }
    return this.#dead
  }

  /** RFC 5321 §4.1.1.10: QUIT before closing; nobody waits for the answer longer than this. */
  quit(): void {
    if (this.#dead !== undefined) return
    clearTimeout(this.#clock)
    const socket = this.#socket
    if (socket.writable) socket.end('QUIT\r\n')
    const timer = setTimeout(() => socket.destroy(), 2000)
    socket.once('close', () => clearTimeout(timer))
    this.#dead = new Trouble('lost', 'we have said QUIT')
  }

  /** Tells `listener` when something happens to a connection nobody is using; one at a time. */
  whenDisturbed(listener: () => void): () => void {
    this.#disturbed = listener
    return () => {
      this.#disturbed = undefined
    }
  }

  #listen(): void {
    const socket = this.#socket
    const on = {
      data: (chunk: Buffer) => this.#take(chunk),
      error: (error: Error) => this.fail(new Trouble('lost', `connection lost: ${systemReason(error)}`, error)),
      end: () => this.fail(new Trouble('lost', 'the peer closed the connection')),
      close: () => this.fail(new Trouble('lost', 'the peer closed the connection')),
    }
    // Of those opened here, only what comes through TLS: see INBOX.
    socket.on('data', on.data).on('error', on.error).on('end', on.end).on('close', on.close)
    this.#unlisten = () => {
      socket.off('data', on.data).off('error', on.error).off('end', on.end).off('close', on.close)
    }
  }

  #take(chunk: Buffer): void {
    if (this.#dead !== undefined) return
    try {
      this.#reader.push(chunk, reply => this.#hear(reply))
    } catch (error) {
      this.fail(new Trouble('protocol', error instanceof Error ? error.message : 'not a reply', error))
      return
    }
    if (this.#replies.length > MAX_WAITING) this.fail(new Trouble('protocol', 'more replies than commands'))
    this.#disturbed?.()
  }

  #hear(reply: Reply): void {
    const waiter = this.#waiter
    this.#waiter = undefined
    if (waiter === undefined) this.#replies.push(reply)
    else waiter.resolve(reply)
  }
}

function writeTogether(socket: Socket, pieces: readonly Buffer[]): void {
  let bytes = 0
  for (const piece of pieces) bytes += piece.length
  if (bytes <= COPY_BYTES) {
    socket.write(Buffer.concat(pieces, bytes))
    return
  }
  socket.cork()
  for (const piece of pieces) socket.write(piece)
  socket.uncork()
}

function doubtOf(secure: TLSSocket, host: string, proof: Proof | undefined): Doubt | undefined {
  if (proof?.judge !== undefined) return proof.judge(secure)
  if (proof === undefined || secure.authorized) return undefined
  const { authorizationError: why } = secure
  const words = `the certificate of ${host} proves nothing: ${reasonOf(why)}`
  return { words, failure: failureOf(why) }
}

/** RFC 8460 §4.3.1. Node.js has codes for chains, one for names by its own rules, and the words of whoever else looked at the name. */
function failureOf(why: unknown): TlsFailure {
  const text = why instanceof Error ? why.message : String(why)
  if (text === 'CERT_HAS_EXPIRED') return 'certificate-expired'
  const ofName = text === 'ERR_TLS_CERT_ALTNAME_INVALID' || !/^[A-Z0-9_]+$/.test(text)
  return ofName ? 'certificate-host-mismatch' : 'certificate-not-trusted'
}

/** It never came about, or the peer did not know how. */
function handshakeTrouble(error: unknown): Trouble {
  return new Trouble('tls', `TLS handshake failed: ${systemReason(error)}`, error, 'validation-failure')
}

function isOfBind(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'bind'
}

/** Node.js gives a code for a bad chain and an error for a wrong name. */
function reasonOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error), 200)
}

function ignoreAfterEnd(): void {
  // A destroyed socket, or one that TLS has taken over, may still report how it died; its users hear of it another way.
}

/** Resolves at `event`, rejects at `error`, `close`, the time limit or the signal. */
function settled(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: Error) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancelled)
      socket.off(event, done)
      socket.off('error', finish)
      socket.off('close', closed)
      if (error === undefined) resolve()
      else reject(error)
    }
    const done = () => finish()
    const closed = () => finish(new Trouble('lost', 'the peer closed the connection'))
    const cancelled = () => finish(new Trouble('cancelled', 'delivery was cancelled'))
    const timer = setTimeout(() => finish(new Trouble('connect', 'no answer in time')), timeoutMs)
    socket.on(event, done)
    socket.on('error', finish)
    socket.on('close', closed)
    signal.addEventListener('abort', cancelled, { once: true })
  })
}
