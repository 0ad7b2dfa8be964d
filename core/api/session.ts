/**
 * What plugins see of who is talking and what is being sent. All of it is read-only; hooks answer, core changes.
 */
import type { Account } from './accounts.js'
import type { Address } from './address.js'
import type { MessageText } from './message-text.js'

export interface TlsFacts {
  /** `TLSv1.3` */
  readonly protocol: string
  /** IANA name of the cipher suite. */
  readonly cipher: string
  /** Server name the client asked for (SNI). */
  readonly servername?: string
  /** The client showed a certificate that leads to one of our authorities (`client_ca` of the TLS settings). */
  readonly client?: ClientCertificate
}

/** A client certificate whose chain was checked. */
export interface ClientCertificate {
  /** SHA-256 of the certificate in DER, lower-case hexadecimal. */
  readonly fingerprint: string
  /** Common name of the subject, if it has one. */
  readonly name?: string
  /** rfc822Name of subjectAltName (RFC 5280 §4.2.1.6). */
  readonly addresses: readonly string[]
  /** dNSName of subjectAltName. */
  readonly hosts: readonly string[]
}

/** One end of a TCP connection. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** Who talks to us, by whatever protocol. `id` goes through every log line from greeting to queue and mailbox. */
export interface Peer {
  readonly id: string
  readonly protocol: 'smtp' | 'lmtp' | 'imap' | 'pop3' | 'internal'
  /** Name of the listener. */
  readonly listener: string
  readonly remote: Endpoint
  readonly local: Endpoint
  readonly tls?: TlsFacts
}

/** What the name service says of an address: its names, and whether one of them leads back to it (RFC 8601 §2.7.3, iprev). */
export type ReverseName =
  | { readonly kind: 'confirmed'; readonly name: string }
  /** There are names, but none leads back. */
  | { readonly kind: 'unconfirmed'; readonly names: readonly string[] }
  | { readonly kind: 'none' }
  /** Not known now: no resolver is configured, or it has trouble. A policy that cannot know does not punish. */
  | { readonly kind: 'unknown'; readonly why: string }

/** How often a session was told no, whatever the reason. */
export interface Refused {
  /** Commands answered with 4xx or 5xx, recipients included. */
  readonly commands: number
  /** Recipients nobody here has (5.1.1). */
  readonly unknown: number
}

/** An SMTP or LMTP session. */
export interface Session extends Peer {
  /** Argument of HELO, EHLO or LHLO, sanitised. */
  readonly helo?: string
  /** EHLO or LHLO was used. */
  readonly extended: boolean
  readonly account?: Account
  /** The remote address is in `trusted` of server.yaml. */
  readonly trusted: boolean
  /** `authenticated`, `tls`, `trusted`, the listener's name, and what plugins set with `label(…)`. */
  readonly labels: ReadonlySet<string>
  /** What this client has been refused so far. */
  readonly refused: Refused
  /** Looked up when first asked for, and once; never throws. */
  reverse(): Promise<ReverseName>
  /** What `reverse()` has found, once it has. */
  readonly reversed?: ReverseName
}

/** RFC 3461, what the sender wants to be told. */
export interface DsnWish {
  /** Empty means the default (failure and delay); `never` stands alone. */
  readonly notify: readonly ('never' | 'success' | 'failure' | 'delay')[]
  /** ORCPT as sent: `rfc822;addr`. */
  readonly orcpt?: string
  /** The recipient stands for several addresses; the notice of success is due when this one is served (RFC 3461 §5.2.7.3). */
  readonly expanded?: true
  /** The recipient's mail goes on under a sender that only stands for the one who asked (SRS): ENVID and RET go on as well. */
  readonly onBehalf?: true
}

export interface Recipient {
  readonly address: Address
  readonly dsn: DsnWish
}

/** RFC 2852: until when a message is of use, and what then. */
export interface DeliverBy {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** It goes back, or the sender is told and it is tried further. */
  readonly mode: 'return' | 'notify'
  /** Everyone who passes it on tells the sender. */
  readonly trace: boolean
}

/** What the sender asks of everybody who carries the message; kept with it to the end. */
export interface Wishes {
  /** RFC 8689: never in clear, never to a server that is not known for sure. */
  readonly requireTls?: boolean
  readonly deliverBy?: DeliverBy
  /** RFC 4865: not before; milliseconds since the epoch. */
  readonly holdUntil?: number
  /** RFC 4865 §5.1.2: how that was asked, `for;` or `until;` with the value, for notices. */
  readonly holdAsked?: string
  /** RFC 6710: −9 … 9, higher goes first; left out: 0. */
  readonly priority?: number
}

/** The envelope of one transaction, as far as it is known at the moment of asking. */
export interface Envelope extends Wishes {
  /** Id of the transaction; becomes the queue id. */
  readonly id: string
  /** `null` is the null sender `<>`. */
  readonly sender: Address | null
  readonly recipients: readonly Recipient[]
  /** MAIL parameters by upper-case keyword; a keyword without value is `''`. */
  readonly parameters: ReadonlyMap<string, string>
  /** RFC 6531. */
  readonly utf8: boolean
  readonly body: '7BIT' | '8BITMIME' | 'BINARYMIME'
  readonly ret?: 'FULL' | 'HDRS'
  readonly envid?: string
  /** RFC 4954 §5: who submitted it, where we believe it; `null` (or left out): nobody says so whom we trust. */
  readonly auth?: Address | null
}

/** One header field as it stands in the message. Offsets are octets from the start of the message. */
export interface HeaderField {
  readonly name: string
  /** Unfolded, leading space removed, encoded words left alone. */
  readonly raw: string
  readonly start: number
  readonly end: number
}

/** A message that has been received and is being judged. Everything costly is lazy and computed once. */
export interface Message {
  readonly size: number
  readonly header: readonly HeaderField[]
  /** First field of that name (case does not matter), encoded words decoded (RFC 2047). */
  field(name: string): string | undefined
  fields(name: string): readonly string[]
  /** Octets [from, to) of the message as it came over the wire. */
  read(from?: number, to?: number): Promise<Buffer>
  /** What a reader would see; bounded in size, never throws for a broken message: `broken` says what was wrong. */
  text(): Promise<MessageText>
}

/**
 * Evidence, never a decision. What has no points of its own takes part in the sum by a finding that has them: a cap or a discount is one more
 * finding, of points below nought.
 */
export interface Finding {
  /** Rule name in lower case with dashes: `advance-fee-words`. */
  readonly name: string
  /** Rounded to hundredths by core. */
  readonly points: number
  /** A sentence for people, with what was found. */
  readonly says: string
  /** Findings that tell of the same thing, and may share a cap: `money`. */
  readonly group?: string
  /** It is only tried out: the points it would have. Those it has are then 0. */
  readonly shadow?: number
  /** What was seen, in the message's own words; core keeps the first ten pieces, 300 characters of each. The sender wrote it: it is shown with care. */
  readonly evidence?: readonly string[]
  /** Whose finding it is. Core says so, whatever the hook says. */
  readonly plugin?: string
  /** It was made at `weigh`, of others. Core says so. */
  readonly weighed?: true
}

/** What the filter made of a message: the sum always is the sum of the findings' points, to the hundredth. */
export interface Verdict {
  readonly findings: readonly Finding[]
  readonly sum: number
}
