/**
 * Who vouches for a message that came from elsewhere (service `mail-auth`): what SPF, DKIM, DMARC and iprev have found, for whoever judges by
 * it. Results are words of RFC 8601 §2.7; every `why` is a sentence. Trouble with the name service is `temperror`, which says nothing of a sender.
 */
import type { Asked, Call } from './hooks.js'

export interface SpfFacts {
  readonly result: 'none' | 'pass' | 'neutral' | 'softfail' | 'fail' | 'temperror' | 'permerror'
  /** Whose record was asked for. */
  readonly domain: string
  readonly why: string
}

/** One signature. */
export interface DkimFacts {
  readonly result: 'pass' | 'fail' | 'policy' | 'neutral' | 'temperror' | 'permerror'
  /** `d=` in A-labels, or as far as it can be read. */
  readonly domain: string
  readonly selector: string
  readonly algorithm: string
  /** The first characters of `b=`, which tell signatures apart (RFC 6008). */
  readonly tag: string
  readonly why: string
}

export type DmarcPolicy = 'none' | 'quarantine' | 'reject'

/** The record that was found, as far as reports about it tell of it (RFC 7489 §6.3). */
export interface DmarcPublished {
  /** Whose it is: the domain of From, its organisation, or a registry above. */
  readonly at: string
  readonly policy: DmarcPolicy
  /** For subdomains. */
  readonly below: DmarcPolicy
  /** `np`: for subdomains that do not exist. */
  readonly nonexistent?: DmarcPolicy
  /** `psd`: whether it is the record of a registry, whose subdomains belong to others. */
  readonly registry?: 'y' | 'n'
  readonly strictDkim: boolean
  readonly strictSpf: boolean
  /** To how many of a hundred that fail the policy applies. */
  readonly percent: number
  /** `t=y`: the domain is only trying, and wants one step less. */
  readonly testing: boolean
  /** `fo` as it stands there. */
  readonly failureOptions: string
  /** `rua` as it stands there; '': no reports are wanted. */
  readonly reportsTo: string
  /** `ri`: seconds from one report to the next. */
  readonly reportsEvery: number
}

/** Why less was done than the domain asks for, in the words of reports (RFC 7489 appendix C). */
export interface DmarcOverride {
  readonly kind: 'sampled_out' | 'trusted_forwarder' | 'local_policy'
  readonly why: string
}

export interface DmarcFacts {
  readonly result: 'none' | 'pass' | 'fail' | 'temperror' | 'permerror'
  /** Domain of From in A-labels; '' when it has none that can be read. */
  readonly domain: string
  /** What the domain wants to happen to mail that fails. */
  readonly policy?: DmarcPolicy
  /** What comes of it here, after sampling (`pct`, `t`) and the exceptions of config; `none` unless it failed. */
  readonly disposition: DmarcPolicy
  /** What of that is done (`enforce`); left out: nothing. */
  readonly applied?: DmarcPolicy
  /** The record it was held to; left out: there is none that can be read. */
  readonly published?: DmarcPublished
  /** Whether each has passed for a name that is aligned; left out: there was nothing to hold it to. */
  readonly aligned?: { readonly dkim: boolean; readonly spf: boolean }
  readonly overrides?: readonly DmarcOverride[]
  readonly why: string
}

export interface IprevFacts {
  readonly result: 'pass' | 'fail' | 'temperror' | 'permerror'
  readonly address: string
  readonly name?: string
  readonly why: string
}

export interface AuthFacts {
  /** Left out: nobody knows which address it came from (mail read from a file). */
  readonly iprev?: IprevFacts
  /** Left out: the client gave no name that could have a record. */
  readonly helo?: SpfFacts
  /** Left out: the null sender. */
  readonly mailFrom?: SpfFacts
  readonly dkim: readonly DkimFacts[]
  readonly dmarc: DmarcFacts
  /** Domains that have been shown to stand behind it, by SPF or by DKIM. */
  readonly vouching: readonly string[]
  /** Questions it took. */
  readonly questions: number
}

export interface MailAuth {
  /** Found out once for each message; nothing: it did not come from elsewhere, or nothing can be looked up. Never throws, unless there is a bug. */
  found(asked: Asked['score'], call: Call): Promise<AuthFacts | undefined>
}

/** One set of a chain that is whole (ARC). */
export interface ArcLink {
  /** Who sealed it: `d=` of the seal. */
  readonly sealer: string
  /** What it says it has found (ARC-Authentication-Results), one by one: `dmarc=pass header.from=example.org`. */
  readonly results: readonly string[]
}

/** Supplied by whoever checks chains (service `arc-chains`). */
export interface ArcChains {
  /** From the first to the newest; nothing: there is no chain, or it is not whole, or it cannot be checked now. */
  whole(asked: Asked['score'], call: Call): Promise<readonly ArcLink[] | undefined>
}
