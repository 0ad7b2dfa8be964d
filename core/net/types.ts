/**
 * What opens a door: the listener, and what stands around it. `listener.ts` does it.
 */
import type { SecureContext } from 'node:tls'
import type { Clock, Log } from '../api/index.js'
import type { NetworkSet } from '../text/index.js'
import type { Turnstile } from './turnstile.js'

/** Where TLS gets its certificate from. */
export interface TlsSource {
  context(): SecureContext
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
  /** Shared by all doors of this process; left out: nothing but `maxConnections` is counted. */
  readonly turnstile?: Turnstile
  /** Networks whose connections begin with a PROXY header here; from all others it means nothing. */
  readonly proxies?: NetworkSet
  /** Bound of a TLS handshake, and of a PROXY header; default 30 s. */
  readonly handshakeMs?: number
}

export interface OpenListener {
  /** The address as it really is: port 0 has become a number. */
  readonly address: string
  readonly connections: number
  /** Accepts nothing more. Open connections go on. */
  stop(): void
  /** Resolves when `stop` was called and the last connection is over. */
  readonly idle: Promise<void>
  /** Ends all connections at once, when draining took too long. */
  abort(): void
}
