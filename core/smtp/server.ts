/**
 * smtp-server's server, without its doors: it never listens and has no certificate, since core/net accepts and does TLS.
 * It makes our connections and holds what they share.
 */
import { SMTPServer } from 'smtp-server'
import type { Connection } from '../api/index.js'
import type { ListenerConfig } from '../config/types.js'
import { SmtpConnection } from './connection.js'
import type { SmtpDeps } from './deps.js'

export class SmtpServer extends SMTPServer {
  readonly listener: ListenerConfig
  readonly deps: SmtpDeps
  readonly #watched = new WeakSet<AbortSignal>()

  constructor(listener: ListenerConfig, deps: SmtpDeps) {
    super({
      name: deps.server.name,
      lmtp: listener.protocol === 'lmtp',
      logger: false,
      disableReverseLookup: true,
      // Ours are in core/net and core/smtp/commands.
      hideSTARTTLS: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
    })
    this.listener = listener
    this.deps = deps
    this.on('error', (error: Error) => deps.log.error({ err: error, listener: listener.name }, 'SMTP server failed'))
  }

  /** Resolves when the session is over. */
  converse(connection: Connection): Promise<void> {
    this.#watch(connection.signal)
    return new Promise((resolve, reject) => {
      const ours = new SmtpConnection(this, connection, resolve)
      this.connections.add(ours)
      try {
        ours.init()
      } catch (error) {
        connection.socket.destroy()
        reject(error)
      }
    })
  }

  /** One listener for all sessions: thousands of them on one signal would be slow to add and to take away. */
  #watch(drain: AbortSignal): void {
    if (this.#watched.has(drain)) return
    this.#watched.add(drain)
    const tell = () => {
      for (const one of this.connections) if (one instanceof SmtpConnection) one.drain()
    }
    drain.addEventListener('abort', tell, { once: true })
  }

  /** Connections come through `converse` alone. */
  override connect(): never {
    throw new Error('SMTP connections come from core/net')
  }

  /** The built-in certificate, whose key is public, is never loaded. */
  override updateSecureContext(): void {
    this.secureContext = new Map()
  }
}
