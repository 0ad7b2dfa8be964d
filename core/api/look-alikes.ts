/**
 * Names that are made to be taken for others (service `look-alikes`): domains, display names, links and file names of a message that came from
 * elsewhere. Facts, for whoever judges by them; nothing is looked up for them.
 */
import type { Asked, Call } from './hooks.js'

/** Where in a message a name stands. */
export type NamePlace = 'from' | 'reply-to' | 'envelope' | 'name' | 'link' | 'file'

/**
 * How a name deceives. Of hosts: `looks-like` (letters of the same look), `one-slip` (a letter off), `other-ending` (the same name under another
 * suffix), `holds-brand` (a protected name within an unrelated one), `mixed-scripts`, `odd-characters` (invisible ones, other dots). Of display names:
 * `holds-address`, `claims-brand`, `claims-person`. Of links: `shows-other`, `hides-name` (user@host), `to-number`.
 */
export type Trick =
  | 'looks-like'
  | 'one-slip'
  | 'other-ending'
  | 'holds-brand'
  | 'mixed-scripts'
  | 'odd-characters'
  | 'holds-address'
  | 'claims-brand'
  | 'claims-person'
  | 'shows-other'
  | 'hides-name'
  | 'to-number'

export interface LookAlike {
  readonly place: NamePlace
  readonly trick: Trick
  /** The host or name that deceives, fit to be shown. */
  readonly shown: string
  /** What it is to be taken for: a domain, a brand, a person; left out: nothing certain. */
  readonly like?: string
  /** Whose that is: `PayPal`, of others the domain; left out: nobody’s whom we know. */
  readonly whose?: string
  /** A sentence. */
  readonly says: string
}

/**
 * A domain of ours as sender, from a client that is none of us. `unknown`: it could not be checked, or not
 * now; or it is of a name below one of ours, and nothing proves it.
 */
export type OwnDomain =
  | { readonly kind: 'not-ours' }
  | { readonly kind: 'proven' | 'forged' | 'unknown'; readonly domain: string; readonly says: string }

export interface LookAlikeFacts {
  readonly tricks: readonly LookAlike[]
  readonly ownDomain: OwnDomain
  /** Answers go to another organisation than that of From, and it is no list: that organisation. */
  readonly replyElsewhere?: string
  /** With a claimed brand: a word that wants something of the reader. */
  readonly lure?: string
  /** Its bounces do, nobody vouches for From, and it is no list or forwarder: that organisation. */
  readonly bouncesElsewhere?: string
}

/** A brand as an admin has added one. */
export interface SiteBrand {
  /** As people write it. */
  readonly brand: string
  /** How a text or display name calls it; left out: the brand itself. */
  readonly names?: readonly string[]
  /** Its own; names below them are its own too. */
  readonly domains: readonly string[]
}

/** What an admin has made of the shipped brands; for others who judge by brands. */
export interface SiteBrands {
  readonly added: readonly SiteBrand[]
  /** Names of shipped brands that are not looked for. */
  readonly without: readonly string[]
}

export interface LookAlikes {
  readonly brands: SiteBrands
  /** Found out once for each message; nothing: it did not come from elsewhere. */
  found(asked: Asked['score'], call: Call): Promise<LookAlikeFacts | undefined>
}
