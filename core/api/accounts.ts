/**
 * Accounts and logging in, the same for SMTP, POP3 and IMAP.
 * `Accounts` is the directory (service `accounts`). Several plugins may supply it, each as a source of accounts; core joins them into one, in
 * the order of plugins.yaml. `Authenticator` is core's own service `authenticator`, which asks the `auth` hooks with their deadlines and
 * failure policy.
 */
import type { Address } from './address.js'
import type { Defer, Reject } from './answers.js'
import type { ClientCertificate, Peer } from './session.js'

export interface Account {
  /** Immutable; keys of the store are made of it. Never an address. */
  readonly id: string
  /** What the user logs in with. */
  readonly login: string
  /** The name of the source that has it, for people; core writes it there. */
  readonly source?: string
  /** The addresses that deliver to this account, normalised `local@domain` in lower case. */
  readonly addresses: readonly string[]
  /** Bytes; left out: no limit. */
  readonly quotaBytes?: number
  /** Messages; left out: no limit. */
  readonly quotaMessages?: number
  /** By how many hundredths its mail may go beyond the quota for a while; left out: as the delivery agent says for everybody. */
  readonly quotaGracePercent?: number
  /** Where its mail goes in place of its mailbox: a name that the admin has given in the entry `places`. Never a path. */
  readonly place?: string
  /** Nobody logs in any more. */
  readonly disabled?: boolean
  /** What it may send, where that is another amount than everybody's. */
  readonly limits?: AccountLimits
  /** IMAP capabilities this account does without, by name: `CONDSTORE`. */
  readonly imapDisable?: readonly string[]
}

/**
 * Each takes the place of all that the site allows an account of that kind: rates as `500/1d`, of octets as `200MB/1d`, or `unlimited`. Directories
 * hand them on as they are written; whoever holds them reads them, and passes over one that cannot be read.
 */
export interface AccountLimits {
  readonly messages?: string
  readonly recipients?: string
  readonly bytes?: string
  /** SMTP sessions at the same time that send: a number, or `unlimited`. */
  readonly concurrent?: string
}

export const ACCOUNT_LIMITS = [
  'messages',
  'recipients',
  'bytes',
  'concurrent',
] as const satisfies readonly (keyof AccountLimits)[]

/** News on the bus, with the id of an account: its open sessions end. */
export const ACCOUNT_CLOSED = 'account-closed'

/**
 * What SCRAM needs of an account in place of its passwords: all values base64. RFC 5802 §5.1: the server names salt and iteration count
 * before the client proves anything, so every password of an account has to share them.
 */
export interface ScramKeys {
  readonly mechanism: 'SCRAM-SHA-1' | 'SCRAM-SHA-256'
  readonly salt: string
  readonly iterations: number
  /**
   * One for each password that counts; whoever knows any of them is let in. Only the first `MOST_SCRAM_CANDIDATES` are looked at. None: nobody
   * is let in, and the salt is the same as where somebody would be.
   */
  readonly candidates: readonly ScramCandidate[]
}

/** RFC 5802 §3 keys of one password. */
export interface ScramCandidate {
  readonly storedKey: string
  readonly serverKey: string
  /** What the directory knows it by, to be told in `scramProven`; left out: it does not want to hear. */
  readonly name?: string
}

/** Every proof is compared with as many, made-up ones among them, so that time tells nobody how many an account has: 0.3 ms. */
export const MOST_SCRAM_CANDIDATES = 50

/** What SCRAM keys look like that are made now. */
export interface ScramShape {
  readonly iterations: number
  readonly saltBytes: number
}

/** Of a directory that does not say; a client would see no difference to what auth-file makes. */
export const USUAL_SCRAM: ScramShape = { iterations: 20_000, saltBytes: 16 }

/** Service `local-recipients`, of whoever files mail of ours: whose mailboxes an address stands for. */
export interface LocalRecipients {
  /**
   * Ids of the accounts that get its mail, through aliases and without +tags; none: it goes elsewhere, or to nobody. Throws a temporary `MailError`
   * as the directory does.
   */
  accountsOf(address: Address): Promise<readonly string[]>
}

/** How long core keeps what a source has said, in each process. */
export interface Keeping {
  /** An account that was found; 0: asked anew each time. */
  readonly foundMs: number
  /** That there is none. Mail to somebody who was just added is refused for as long. */
  readonly missingMs: number
  /** An account that was found still counts while the source is down. That there is none does not: mail must not bounce for it. */
  readonly staleMs: number
  /** So many answers of either kind, over all kinds of look-ups. */
  readonly most: number
}

/**
 * The directory of accounts, or one source of it. Throws a temporary `MailError` when it is down: mail waits, it does not bounce. Sources are
 * asked in order and the first that has somebody counts; one that is down ends the asking, as nobody knows whom it would have had. The `auth`
 * hook of a source refuses whom it has, and says nothing of others: core refuses what nobody knows.
 */
export interface Accounts {
  /** Of a source: what people call it. Left out: the plugin's name. */
  readonly name?: string
  /** Of a source that is asked over a network. Left out: nothing is kept. */
  readonly keep?: Keeping
  byLogin(login: string): Promise<Account | undefined>
  /** `address` is `local@domain`; the source decides about case. Aliases and +tags are the delivery agent's matter. */
  byAddress(address: string): Promise<Account | undefined>
  /** Ids of two sources must never be the same; a source knows its own by their looks, and says at once of others that it has none. */
  byId(id: string): Promise<Account | undefined>
  /** All of them, or the first `most`. */
  list(most?: number): Promise<readonly Account[]>
  /** Left out: SCRAM is not offered. For a login by that protocol: a password may count for some of them only. */
  scramKeys?(
    login: string,
    mechanism: ScramKeys['mechanism'],
    protocol?: Peer['protocol'],
  ): Promise<ScramKeys | undefined>
  /** Somebody has proven to know the password of the candidate of that name. */
  scramProven?(account: Account, name: string, peer: Peer): void
  /** So that a login that nobody has looks no different. `undefined`: none are made, so that mechanism is not offered. */
  scramShape?(mechanism: ScramKeys['mechanism']): ScramShape | undefined
}

/** What `auth` hooks check. SCRAM is not among them: core checks it itself with the keys of `Accounts.scramKeys`. */
export type Credentials =
  | { readonly kind: 'password'; readonly mechanism: string; readonly login: string; readonly password: string }
  /** A bearer token of OAuth 2 (RFC 7628); `login` is empty when the client left it to the token. */
  | { readonly kind: 'token'; readonly mechanism: string; readonly login: string; readonly token: string }
  /** EXTERNAL (RFC 4422 appendix A): the TLS layer has checked the certificate; `login` is the wished one, or empty. */
  | {
      readonly kind: 'certificate'
      readonly mechanism: string
      readonly login: string
      readonly certificate: ClientCertificate
    }

/** Data of the TLS connection below, for the -PLUS mechanisms; `undefined` when there is none of that kind. */
export interface ChannelBinding {
  data(type: 'tls-exporter' | 'tls-server-end-point'): Buffer | undefined
}

/** What a SASL exchange wants next. `data` is not yet in base64. */
export type SaslStep =
  | { readonly kind: 'challenge'; readonly data: Buffer }
  | { readonly kind: 'done'; readonly account: Account }
  /** The response breaks the mechanism's grammar; `text` says how. */
  | { readonly kind: 'malformed'; readonly text: string }
  | Reject
  | Defer

/** One exchange. After anything but a challenge it is over. */
export interface SaslExchange {
  /** Whom it is about, once the client has said so; of a refused one it may be anything. For the log. */
  readonly login: string | undefined
  /** `undefined` at the start when the client sent no initial response. */
  step(response: Buffer | undefined): Promise<SaslStep>
}

export interface SaslWish {
  readonly peer: Peer
  /** Upper case. */
  readonly mechanism: string
  readonly binding: ChannelBinding
  /** The client may send secrets as they are: within TLS, or where the admin allows it. */
  readonly clear: boolean
  readonly signal: AbortSignal
}

export interface Authenticator {
  /** Never throws for "no"; a failing or late `auth` hook comes back as `454 4.7.0`. */
  login(peer: Peer, credentials: Credentials): Promise<Account | Reject | Defer>
  /** Mechanisms for this peer now, strongest first. `clear` as in `SaslWish`. */
  mechanisms(peer: Peer, binding: ChannelBinding, clear: boolean): readonly string[]
  /** `undefined`: no such mechanism for this peer. */
  start(wish: SaslWish): SaslExchange | undefined
}
