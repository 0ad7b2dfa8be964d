/**
 * What the names in a mail and its trace fields tell without anybody being asked (service `origin`): facts for whoever judges by them. Names are
 * in A-labels and lower case; what a stranger wrote is a claim.
 */
import type { Asked, Call } from './hooks.js'
import type { ReverseName } from './session.js'

export type DomainTrait =
  /** An IP address in place of a name. */
  | 'address'
  /** Ends in what is no top-level domain, as far as the Public Suffix List knows. */
  | 'unlisted-ending'
  /** Ends in a name that can lead nowhere in the world: `.local`, `.test`, `.invalid`. */
  | 'reserved-ending'
  /** Below a top-level domain that costs next to nothing. */
  | 'cheap-ending'
  /** Its organisation or its ending is written in A-labels (`xn--`). */
  | 'international'
  /** Anybody has an address there in a minute. */
  | 'free-mail'
  /** Addresses there are thrown away after use. */
  | 'disposable'
  /** The name of the organisation is digits alone. */
  | 'digits'
  /** The name of the organisation looks like no word of any language. */
  | 'generated'

export interface DomainFacts {
  readonly name: string
  readonly organisation: string
  readonly traits: ReadonlySet<DomainTrait>
  /**
   * When mail or links of this organisation came here first, in milliseconds since the epoch, or since when this site remembers; left out: never
   * before this message, or that is not known now.
   */
  readonly firstSeen?: number
}

/** What a reverse name looks like: of a line whose addresses change, of one that has its address for a name, of a server, or anything else. */
export type ReverseLook = 'dynamic' | 'numbered' | 'server' | 'plain'

export interface ClientFacts {
  readonly address: string
  readonly helo?: string
  readonly reverse: ReverseName
  /** Of its reverse name, confirmed or not; left out: there is none. */
  readonly look?: ReverseLook
  /** No Received field tells that anybody else had the mail before. */
  readonly direct: boolean
}

/** One Received field (RFC 5321 §4.4), as far as it can be read. */
export interface Hop {
  /** The name that the client gave. */
  readonly helo?: string
  /** The name that the host found for the client's address. */
  readonly reverse?: string
  readonly address?: string
  readonly by?: string
  /** `ESMTPS` */
  readonly protocol?: string
  /** Milliseconds since the epoch. */
  readonly at?: number
  /** As written: `+0200`. */
  readonly zone?: string
}

export interface OriginFacts {
  readonly from?: DomainFacts
  /** Of MAIL FROM; left out: the null sender. */
  readonly sender?: DomainFacts
  readonly replyTo?: DomainFacts
  /** Hosts that links lead to, one for each organisation; bounded. */
  readonly links: readonly DomainFacts[]
  /** Left out: mail that was read from a file. */
  readonly client?: ClientFacts
  /** Received fields that others wrote, the newest first. */
  readonly hops: readonly Hop[]
  /** Since when this site remembers who was seen; left out: not known now. */
  readonly remembersSince?: number
}

export interface Origin {
  /** Found out once for each message; nothing: it did not come from elsewhere. Never throws, unless there is a bug. */
  found(asked: Asked['score'], call: Call): Promise<OriginFacts | undefined>
  /** What can be said of a name alone. */
  domain(name: string): DomainFacts
}
