/**
 * One accepted connection as protocols see it: who talks, the socket, and the change to TLS.
 * Sockets never go without an 'error' listener, because one reset by a peer would otherwise end the whole worker.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ChannelBinding, Connection, Endpoint, Listener, Log, Peer, TlsFacts } from '../api/index.js'
import { plainIp } from '../text/endpoint.js'
import { printable } from '../text/sanitise.js'
import { bindingOf, NO_BINDING } from './binding.js'
import { clientOf } from './client.js'
import { patience } from './patience.js'
import type { TlsSource } from './types.js'

/** The peer's doing; not worth more than a note. */
export class HandshakeError extends Error {}

export interface ConnectionParts {
  readonly id: string
  readonly listener: Pick<Listener, 'name' | 'protocol' | 'tls' | 'clientCertificates'>
  readonly socket: Socket
  readonly log: Log
  readonly drain: AbortSignal
  readonly tls: TlsSource | undefined
  readonly handshakeMs: number
  /** Share of the connections that are taken, 0 to 1. */
  readonly load: () => number
  /** Who really talks, when a proxy has said so. */
  readonly ends?: { readonly remote: Endpoint; readonly local: Endpoint }
}

export class NetConnection implements Connection {
  readonly #parts: ConnectionParts
  #socket: Socket
  #peer: Peer
  #binding: ChannelBinding = NO_BINDING
  readonly log: Log

  constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.#socket = parts.socket
    this.log = parts.log
    this.#peer = {
      id: parts.id,
      protocol: parts.listener.protocol,
      listener: parts.listener.name,
      remote: parts.ends?.remote ?? endpoint(parts.socket.remoteAddress, parts.socket.remotePort),
      local: parts.ends?.local ?? endpoint(parts.socket.localAddress, parts.socket.localPort),
    }
    this.#mind(parts.socket)
  }

  get peer(): Peer {
    return this.#peer
  }

  get socket(): Socket {
    return this.#socket
  }

  get signal(): AbortSignal {
    return this.#parts.drain
  }

  get binding(): ChannelBinding {
    return this.#binding
  }

  get tlsOffered(): boolean {
    return this.#parts.listener.tls === 'starttls' && this.#parts.tls !== undefined && this.#peer.tls === undefined
  }

  patience(ms: number): number {
    return patience(ms, this.#parts.load())
  }

  async startTls(): Promise<TlsFacts> {
    if (this.#parts.listener.tls !== 'implicit') forget(this.#socket)
    if (this.#peer.tls !== undefined) throw new Error('TLS is already on')
    if (this.#parts.tls === undefined) throw new Error('there is no certificate')
    const clear = this.#socket
    const { clientCertificates = 'none' } = this.#parts.listener
    const offer = this.#parts.tls.offer(clientCertificates)
    const secure = new TLSSocket(clear, offer.options)
    this.#mind(secure)
    this.#socket = secure
    try {
      await handshake(secure, this.#parts.handshakeMs)
    } catch (error) {
      throw new HandshakeError(describe(error), { cause: error })
    }
    const client = clientCertificates === 'none' ? undefined : clientOf(secure)
    if (clientCertificates === 'require' && client === undefined) {
      throw new HandshakeError('no client certificate that leads to client_ca')
    }
    const facts = { ...factsOf(secure), ...(client && { client }) }
    this.#binding = bindingOf(secure, offer.certificateFor(facts.servername, secure.isSessionReused()))
    this.#peer = { ...this.#peer, tls: facts }
    return facts
  }

  #mind(socket: Socket): void {
    socket.on('error', error => this.log.debug({ error: describe(error) }, 'socket failed'))
  }
}

/** RFC 3207 §4.2: what came in clear before the handshake counts for nothing. */
function forget(clear: Socket): void {
  clear.removeAllListeners('data').removeAllListeners('readable')
  while (clear.read() !== null);
}

function handshake(socket: TLSSocket, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error('TLS handshake took too long')), withinMs)
    const end = (error?: Error) => {
      clearTimeout(timer)
      socket.off('secure', onSecure).off('error', onError).off('end', onEnd).off('close', onClose)
      if (error === undefined) resolve()
      else reject(error)
    }
    const onSecure = () => end()
    const onError = (error: Error) => end(error)
    // half-open sockets do not close by themselves
    const onEnd = () => socket.destroy()
    const onClose = () => end(new Error('closed during the TLS handshake'))
    socket.on('secure', onSecure).on('error', onError).on('end', onEnd).on('close', onClose)
  })
}

function factsOf(socket: TLSSocket): TlsFacts {
  const cipher = socket.getCipher()
  // only there on the server's side, and not in the types
  const { servername } = socket as TLSSocket & { readonly servername?: string | false }
  return {
    protocol: socket.getProtocol() ?? 'TLS',
    cipher: cipher.standardName ?? cipher.name,
    ...(servername && { servername: printable(servername, 255) }),
  }
}

function endpoint(address: string | undefined, port: number | undefined): Endpoint {
  // unix sockets have neither
  return { address: address === undefined ? 'local' : plainIp(address), port: port ?? 0 }
}

/** OpenSSL's errors hold several lines; the code says it all. */
export function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return printable(code ?? message ?? String(error))
}
