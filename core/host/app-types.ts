/**
 * What a worker hands to the application and what it wants back. `core/app.ts` joins everything and lives one floor up, so
 * `core/main.ts` passes its `startApp` in as a function and `core/host` never imports it.
 */
import type { Bus, Clock, Log, Metrics } from '../api/index.js'
import type { Config } from '../config/types.js'
import type { PassOn, RawConnection } from '../net/passing.js'
import type { TlsSource } from '../net/types.js'

export interface AppBase {
  readonly config: Config
  readonly log: Log
  readonly bus: Bus
  readonly clock: Clock
  readonly metrics: Metrics
  /** Processes that serve the same doors; left out: this one alone. */
  readonly workers?: number
  /** Which of them this is, from 1. */
  readonly worker?: number
  /** Nobody else serves yet: the doors open before all is loaded. */
  readonly doorsFirst?: boolean
  /** Gives a connection to another worker; left out: each serves what it accepts. */
  readonly passOn?: PassOn
  /** The same ticket keys in all workers, so that a TLS session resumes in any of them. */
  readonly tls: TlsSource
}

/** A door that is open, for the lines people see at the start. */
export interface OpenDoor {
  readonly name: string
  readonly protocol: string
  /** As it really is, with the port that was given for port 0. */
  readonly address: string
  readonly tls: 'none' | 'starttls' | 'implicit'
}

export interface App {
  readonly doors: readonly OpenDoor[]
  /** A connection that another worker has accepted at the door of that name. */
  take?(door: string, connection: RawConnection): void
  /** Accepts and claims nothing more; tells every session to come to its end. */
  stop(): void
  /** Resolves when the last session and delivery are over. The worker waits no longer than `drain_timeout`. */
  drained(): Promise<void>
  /** Gives leases back, disposes of the plugins, closes the store. Called once, after `drained` or when its time is over. */
  close(): Promise<void>
}

/** Resolves when all doors are open and everything is loaded; clients are greeted before. Throws `ConfigError` with all faults when the configuration is wrong. */
export type StartApp = (base: AppBase) => Promise<App>
