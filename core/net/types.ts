/**
 * What opens a door: the listener, and what stands around it. `listener.ts` does it.
 */
import type { TLSSocketOptions } from 'node:tls'
import type { ClientCertificates, Clock, Log } from '../api/index.js'
import type { NetworkSet } from '../text/index.js'
import type { AccountSessions } from './account-sessions.js'
import type { Passing, RawConnection } from './passing.js'
import type { Turnstile } from './turnstile.js'

/** A certificate, the chain behind it, and its key, all in PEM. */
export interface TlsPair {
  readonly certificate: string
  readonly key: string
  /** Host names it is shown for; `*.example.org` for all names one label longer. */
  readonly names: readonly string[]
  /** Where it comes from, for people: a path. */
  readonly origin: string
}

/** All that TLS needs and that may change while the server runs. It goes from the supervisor to the workers, so it is plain data. */
export interface TlsMaterial {
  /** The first one is for clients that ask for no name, or for one that nobody has. */
  readonly pairs: readonly TlsPair[]
  /** Authorities of client certificates. */
  readonly clientCa?: string
  /** 48 octets in base64, the same in all workers, so that a session resumes in any of them. */
  readonly ticketKeys?: string
}

/** What one connection is offered. */
export interface TlsOffer {
  readonly options: TLSSocketOptions
  /**
   * In DER: what a client that asks for this name is shown, or was shown when the session it resumes began. Nothing when that cannot be known:
   * of a resumed session before TLS 1.3 OpenSSL forgets the name.
   */
  certificateFor(servername: string | undefined, resumed: boolean): Buffer | undefined
}

/** Where TLS gets its certificates from. */
export interface TlsSource {
  /** For one connection: read anew for each, since certificates change. */
  offer(client: ClientCertificates): TlsOffer
  /** Whether client certificates can be checked at all. */
  readonly checksClients: boolean
  readonly pairs: readonly TlsPair[]
}

export interface ListenerDeps {
  /** Needed for `implicit`; without it `starttls` is not offered. */
  readonly tls?: TlsSource
  readonly log: Log
  readonly clock: Clock
  /** Fires when the server drains; every connection's `signal`. */
  readonly drain: AbortSignal
  /** Open connections of this listener in this process; more are turned away politely. */
  readonly maxConnections: number
  /** Shared by all doors of this process, and told of by the other processes; left out: nothing but `maxConnections` is counted. */
  readonly turnstile?: Turnstile
  /** Who has logged in by which connection; left out: nobody asks. */
  readonly sessions?: AccountSessions
  /** Decides which worker serves a connection; left out: this one. */
  readonly passing?: Passing
  /** Networks whose connections begin with a PROXY header here; from all others it means nothing. */
  readonly proxies?: NetworkSet
  /** Bound of a TLS handshake, and of a PROXY header; default 30 s. */
  readonly handshakeMs?: number
}

export interface OpenListener {
  /** The address as it really is: port 0 has become a number. */
  readonly address: string
  readonly connections: number
  /** Serves a connection that another worker has accepted. */
  take(connection: RawConnection): void
  /** Accepts nothing more. Open connections go on. */
  stop(): void
  /** Resolves when `stop` was called and the last connection is over. */
  readonly idle: Promise<void>
  /** Ends all connections at once, when draining took too long. */
  abort(): void
}
