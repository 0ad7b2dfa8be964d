/**
 * Accounts and logging in, the same for SMTP, POP3 and IMAP.
 * `Accounts` is the directory (service `accounts`, supplied by a plugin such as auth-file); `Authenticator` is core's own
 * service `authenticator`, which asks the `auth` hooks with their deadlines and failure policy.
 */
import type { Defer, Reject } from './answers.js'
import type { Peer } from './session.js'

export interface Account {
  /** Immutable; keys of the store are made of it. Never an address. */
  readonly id: string
  /** What the user logs in with. */
  readonly login: string
  /** The addresses that deliver to this account, normalised `local@domain` in lower case. */
  readonly addresses: readonly string[]
  /** Bytes; left out: no limit. */
  readonly quotaBytes?: number
  readonly disabled?: boolean
}

/** RFC 5802 §3 keys, so that SCRAM can be offered without the password: all values base64. */
export interface ScramKeys {
  readonly mechanism: 'SCRAM-SHA-1' | 'SCRAM-SHA-256'
  readonly salt: string
  readonly iterations: number
  readonly storedKey: string
  readonly serverKey: string
}

/** The directory of accounts. Throws a temporary `MailError` when its source is down: mail waits, it does not bounce. */
export interface Accounts {
  byLogin(login: string): Promise<Account | undefined>
  /** `address` is `local@domain`; the source decides about case. Aliases and +tags are the delivery agent's matter. */
  byAddress(address: string): Promise<Account | undefined>
  byId(id: string): Promise<Account | undefined>
  list(): Promise<readonly Account[]>
  scramKeys?(login: string, mechanism: ScramKeys['mechanism']): Promise<ScramKeys | undefined>
}

/** More kinds (SCRAM, tokens, certificates) join this union. */
export type Credentials = {
  readonly kind: 'password'
  readonly mechanism: string
  readonly login: string
  readonly password: string
}

export interface Authenticator {
  /** Never throws for "no"; a failing or late `auth` hook comes back as `454 4.7.0`. */
  login(peer: Peer, credentials: Credentials): Promise<Account | Reject | Defer>
}
