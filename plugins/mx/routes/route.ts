/**
 * A route as it was read: for whom it is, where it leads, and how to talk there. Plain data; `hosts.ts` makes hosts of it.
 */
import type { SentBy } from 'posthouse/api'
import type { Manner } from '../client/manner.js'
import type { Senders } from './senders.js'

export interface Route {
  /** Names it in keys of sessions: `"*"[1]`. */
  readonly id: string
  /** For people: `route "*" (plugins.yaml:12:9)`. */
  readonly says: string
  readonly from?: Senders
  readonly logins?: ReadonlySet<string>
  /** Empty: the mail hosts of the recipient's domain. */
  readonly stops: readonly Stop[]
  /** Of hosts found by MX. */
  readonly port?: number
  readonly manner: Manner
  readonly tls?: RouteTls
  readonly pool?: string
  /** Mail that takes this way shares it; left out: that of the recipient's domain. */
  readonly lane?: string
}

/** `weight` left out: in the order they stand. */
export type Stop = { readonly weight?: number } & (
  | { readonly kind: 'host'; readonly name: string; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string }
  /** The mail hosts of this domain. */
  | { readonly kind: 'mx'; readonly name: string; readonly port: number }
)

/** What the admin asks of TLS on this way. */
export interface RouteTls {
  /** `dane`: by TLSA records, or not at all (RFC 7672 §6). */
  readonly level: 'none' | 'opportunistic' | 'required' | 'verified' | 'dane'
  /** PEM */
  readonly ca?: string
  /** The key itself is the proof, whatever name, authority and dates are. */
  readonly pins?: readonly Pin[]
}

export type Pin = { readonly kind: 'key' | 'certificate'; readonly sha256: Buffer }

export function fits({ from, logins }: Pick<Route, 'from' | 'logins'>, by: SentBy | undefined): boolean {
  if (from !== undefined && (by === undefined || !from.has(by.sender))) return false
  return logins === undefined || (by?.login !== undefined && logins.has(by.login.toLowerCase()))
}
