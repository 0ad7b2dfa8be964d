/**
 * Opens a door: accepts connections for any protocol, does implicit TLS, counts, and turns the surplus away politely.
 * A listener never fails because of one connection; what goes wrong with one is logged and ends that one alone.
 */
import cluster from 'node:cluster'
import { unlink } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, Socket, type SocketConstructorOpts } from 'node:net'
import type { Listener, Log } from '../api/index.js'
import { type EndpointParts, formatEndpoint, parseEndpoint, plainIp } from '../text/endpoint.js'
import { newId } from '../text/id.js'
import { describe, HandshakeError, NetConnection } from './connection.js'
import type { RawConnection } from './passing.js'
import { type ProxyHeader, takeProxyHeader } from './proxy.js'
import type { ListenerDeps, OpenListener } from './types.js'

const HANDSHAKE_MS = 30_000
/** After `serve` is over: for the last bytes to leave. */
const LINGER_MS = 5_000
const SURPLUS_NOTE_MS = 10_000

const SURPLUS: Readonly<Record<Listener['protocol'], string>> = {
  smtp: '421 4.3.2 Too many connections, try again later\r\n',
  lmtp: '421 4.3.2 Too many connections, try again later\r\n',
  imap: '* BYE [UNAVAILABLE] Too many connections, try again later\r\n',
  pop3: '-ERR [SYS/TEMP] Too many connections, try again later\r\n',
  internal: '',
}

/** Resolves when the address is bound; rejects when it cannot be. */
export async function openListener(listener: Listener, deps: ListenerDeps): Promise<OpenListener> {
  const parts = parseEndpoint(listener.address)
  if (parts === undefined) throw new Error(`not an address to listen on: ${listener.address}`)
  if (listener.tls === 'implicit' && deps.tls === undefined) throw new Error(`${listener.name} has no certificate`)
  if ((listener.clientCertificates ?? 'none') !== 'none' && deps.tls?.checksClients !== true)
    throw new Error(`${listener.name} asks for client certificates, and tls.client_ca names no authority`)
  const door = new Door(listener, deps)
  await bind(door.server, parts)
  return door
}

class Door implements OpenListener {
  readonly server: Server
  readonly idle: Promise<void>
  readonly #listener: Listener
  readonly #deps: ListenerDeps
  readonly #log: Log
  readonly #isUnix: boolean
  readonly #open = new Set<Socket>()
  #beIdle: () => void = () => undefined
  #stopped = false
  #turnedAway = 0
  #notedAt = 0

  constructor(listener: Listener, deps: ListenerDeps) {
    this.#listener = listener
    this.#deps = deps
    this.#log = deps.log.child({ listener: listener.name })
    this.#isUnix = listener.address.startsWith('unix:')
    this.idle = new Promise(resolve => {
      this.#beIdle = resolve
    })
    // A client that says everything at once and closes its side still hears every reply: each protocol ends at the client's end itself.
    this.server = createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, socket => this.#meet(socket))
    this.server.on('error', error => this.#log.error({ error: describe(error) }, 'listener failed'))
  }

  get address(): string {
    const at = this.server.address() as AddressInfo | string | null
    if (at === null) return this.#listener.address
    return formatEndpoint(typeof at === 'string' ? { kind: 'unix', path: at } : at)
  }

  get connections(): number {
    return this.#open.size
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.server.close()
    this.#checkIdle()
  }

  abort(): void {
    for (const socket of this.#open) socket.destroy()
  }

  /** The worse of this door's share and that of all doors together. */
  get #load(): number {
    return Math.max(this.#open.size / this.#deps.maxConnections, this.#deps.turnstile?.load ?? 0)
  }

  take(connection: RawConnection): void {
    // What Node's own server does with what it accepts; that a socket takes a handle is not in its types.
    const options = { handle: connection, allowHalfOpen: true, readable: true, writable: true } as SocketConstructorOpts
    const socket = new Socket(options)
    socket.setNoDelay(true)
    socket.setKeepAlive(true)
    this.#acceptUnlessStopped(socket)
  }

  #meet(socket: Socket): void {
    const { passing } = this.#deps
    const passed =
      !this.#isUnix && passing?.offer(this.#listener.name, socket, () => this.#acceptUnlessStopped(socket)) === true
    if (!passed) this.#accept(socket)
  }

  /** It was on its way between workers, and this one may have been told to end meanwhile. */
  #acceptUnlessStopped(socket: Socket): void {
    if (this.#stopped) this.#turnAway(socket, 'the server is ending')
    else this.#accept(socket)
  }

  #accept(socket: Socket): void {
    const { turnstile, maxConnections } = this.#deps
    if (this.#open.size >= maxConnections || turnstile?.enter() === false) {
      this.#turnAway(socket, 'too many connections')
      return
    }
    this.#open.add(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      turnstile?.leave()
      this.#checkIdle()
    })
    // gone before it was accepted: nobody knows who that was
    if (socket.remoteAddress === undefined && !this.#isUnix) {
      socket.destroy()
      return
    }
    if (this.#deps.proxies?.has(socket.remoteAddress ?? '') === true) this.#proxied(socket)
    else this.#begin(socket)
  }

  /** The proxy is believed, or the connection ends: without a header nobody knows who it is. */
  #proxied(socket: Socket): void {
    socket.on('error', error => this.#log.debug({ error: describe(error) }, 'socket failed'))
    takeProxyHeader(socket, this.#deps.handshakeMs ?? HANDSHAKE_MS).then(
      ({ ends }) => this.#begin(socket, ends),
      (error: unknown) => {
        const remote = plainIp(socket.remoteAddress ?? 'local')
        this.#log.info({ remote, error: describe(error) }, 'PROXY header refused')
        socket.destroy()
      },
    )
  }

  #begin(socket: Socket, ends?: ProxyHeader['ends']): void {
    if (socket.destroyed) return
    const id = newId(this.#deps.clock.now())
    const connection = new NetConnection({
      id,
      listener: this.#listener,
      socket,
      log: this.#log.child({ id }),
      drain: this.#deps.drain,
      tls: this.#deps.tls,
      handshakeMs: this.#deps.handshakeMs ?? HANDSHAKE_MS,
      load: () => this.#load,
      ...(ends && { ends }),
    })
    const { turnstile, sessions } = this.#deps
    const leave = turnstile?.admit(connection.peer.remote.address)
    if (turnstile !== undefined && leave === undefined) {
      this.#turnAway(socket, 'too many connections from one network', connection.peer.remote.address)
      return
    }
    if (leave !== undefined) socket.once('close', leave)
    sessions?.opened(id, socket)
    socket.once('close', () => sessions?.closed(id))
    this.#serve(connection, socket).catch(error => connection.log.error({ err: error }, 'connection failed'))
  }

  async #serve(connection: NetConnection, raw: Socket): Promise<void> {
    const remote = connection.peer.remote.address
    try {
      if (this.#listener.tls === 'implicit') await connection.startTls()
      if (!(await this.#hasLeft(connection))) await this.#listener.serve(connection)
      hangUp(connection.socket, raw)
    } catch (error) {
      if (error instanceof HandshakeError) connection.log.info({ remote, error: error.message }, 'TLS handshake failed')
      else connection.log.error({ remote, err: error }, 'serving a connection failed')
      raw.destroy()
    }
  }

  /** Waits until it can be served. */
  async #hasLeft(connection: NetConnection): Promise<boolean> {
    if (this.#listener.loaded === undefined) return false
    await this.#listener.loaded()
    return connection.socket.destroyed
  }

  #turnAway(socket: Socket, sentence: string, remote = plainIp(socket.remoteAddress ?? 'local')): void {
    socket.on('error', error => this.#log.debug({ error: describe(error) }, 'socket failed'))
    const text = this.#listener.tls === 'implicit' ? '' : SURPLUS[this.#listener.protocol]
    socket.end(text, () => socket.destroy())
    this.#turnedAway++
    const now = this.#deps.clock.now()
    if (now - this.#notedAt < SURPLUS_NOTE_MS) return
    this.#log.warn({ turnedAway: this.#turnedAway, remote }, sentence)
    this.#notedAt = now
    this.#turnedAway = 0
  }

  #checkIdle(): void {
    if (this.#stopped && this.#open.size === 0) this.#beIdle()
  }
}

/** Lets what was written leave and waits for the peer's end, but not for ever. */
function hangUp(socket: Socket, raw: Socket): void {
  if (raw.destroyed) return
  const timer = setTimeout(() => raw.destroy(), LINGER_MS)
  raw.once('close', () => clearTimeout(timer))
  // closing with unread bytes would reset the connection, and our last reply with it
  socket.resume()
  socket.end()
}

async function bind(server: Server, parts: EndpointParts): Promise<void> {
  if (parts.kind === 'unix' && !cluster.isWorker) await removeStale(parts.path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(parts.kind === 'unix' ? { path: parts.path } : { host: parts.host, port: parts.port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** A socket file that nobody answers at was left behind by a crash. Workers share the supervisor's, so it alone clears them away. */
export async function removeStale(path: string): Promise<void> {
  const stale = await new Promise<boolean>(resolve => {
    const probe = connect(path, () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', error => resolve((error as NodeJS.ErrnoException).code === 'ECONNREFUSED'))
  })
  if (stale) await unlink(path)
}
