/**
 * What happened with whom a message comes from before, on this site (service `reputation`), for whoever judges by it. An identity counts only
 * as far as it is proved: what a message merely claims is told apart.
 */
import type { Asked, Call } from './hooks.js'

/**
 * `address`: of From, its domain proved; `domain`, `organisation`: of that address; `dkim`: `d=` of a signature that passed; `spf`: of MAIL FROM, where
 * SPF passed for another than From; `network`: /24 or /48 of the client; `site`: all mail from elsewhere.
 */
export type IdentityKind = 'address' | 'domain' | 'organisation' | 'dkim' | 'spf' | 'network' | 'site'

/** Sums, faded: half of each is left after a half-life. */
export interface History {
  readonly kind: IdentityKind
  readonly name: string
  /** Milliseconds since the epoch; of the first and the last that is counted. */
  readonly since: number
  readonly latest: number
  readonly ham: number
  readonly spam: number
  /** Neither ham nor spam by its points. */
  readonly unsure: number
  /** Refused for good by the filter, or (networks) sent to people nobody has. */
  readonly refused: number
  /** Put into Junk by our users, and taken out of it. */
  readonly junked: number
  readonly rescued: number
}

/** Somebody our users write to. */
export interface Correspondent {
  readonly address: string
  readonly since: number
  readonly latest: number
  /** Mails of ours to them, and how many of those were answers. */
  readonly written: number
  readonly replied: number
  /** Mails of theirs that answer one of ours. */
  readonly answered: number
  /** Mails of ours that came back because there is nobody of that name; that they complained of. */
  readonly bounced: number
  readonly complained: number
}

export interface ReputationFacts {
  /** Of From; left out where it has none, or several. */
  readonly address?: string
  /** By DMARC, or by DKIM or SPF of the same organisation; `unknown`: nobody checks, or the name service has trouble. */
  readonly proved: 'yes' | 'no' | 'unknown'
  /** What is proved, from the widest to the narrowest; those nothing is known of are left out. */
  readonly histories: readonly History[]
  /** What was proved to come from whom From names; it says nothing of this mail unless that is proved too. */
  readonly claimed?: History
  /** Whom From names, if our users write to them: look at `proved` before you believe it. */
  readonly correspondent?: Correspondent
  /** All recipients of this mail have written to them. */
  readonly personal: boolean
  /** It answers a mail that one of our users sent to that address or domain. */
  readonly answers: boolean
}

export interface Reputation {
  /** Found out once for each message; nothing: it did not come from elsewhere. Never throws, unless there is a bug. */
  found(asked: Asked['score'], call: Call): Promise<ReputationFacts | undefined>
  /** Domains that our users write to, of at most so many addresses; for those who compare names. Left out: it cannot tell. */
  writtenTo?(mostAddresses: number): Promise<readonly string[]>
}
