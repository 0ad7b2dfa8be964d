/**
 * What supervisor and workers say to each other over the channel of node:cluster.
 */
import type { Fault } from '../api/index.js'
import type { KnownConfig } from '../config/types.js'
import type { TlsMaterial } from '../net/types.js'
import type { OpenDoor } from './app-types.js'

export type ToWorker =
  | {
      readonly kind: 'start'
      readonly configDir: string
      /** What it came to when the supervisor read it, so that all workers of a generation have the same and none reads it anew. */
      readonly known: KnownConfig | undefined
      /** Counts from 1; seen in the log. */
      readonly worker: number
      /** How many there are. */
      readonly workers: number
      readonly tls: TlsMaterial
      /** Nobody else serves: it opens its doors before all is loaded. */
      readonly doorsFirst: boolean
    }
  /** From now on. */
  | { readonly kind: 'tls'; readonly tls: TlsMaterial }
  | { readonly kind: 'drain' }
  /** A connection comes with it, which another worker has accepted at the door of that name. */
  | { readonly kind: 'take'; readonly door: string }
  /** Log files anew, after logrotate. */
  | { readonly kind: 'reopen' }

export type FromWorker =
  /** It listens now: node:cluster reads its channel from the first moment on, and orders sent earlier would be lost. */
  | { readonly kind: 'here' }
  | { readonly kind: 'ready'; readonly doors: readonly OpenDoor[] }
  /** The configuration is wrong; the worker ends. */
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] }
  /** It could not start for another reason (an address in use); the worker ends. */
  | { readonly kind: 'failed'; readonly message: string }
  /** A connection comes with it, for that worker. */
  | { readonly kind: 'pass'; readonly door: string; readonly worker: number }
  /** The event loop turns. */
  | { readonly kind: 'beat' }
