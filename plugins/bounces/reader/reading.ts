/**
 * What a mail that came back says, in our words: the nouns that the files of this folder share. Everything in them came from a stranger
 * and is one printable line of bounded length.
 */

export type ReadAction = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded'

/** What became of one recipient, as the reporting system says. */
export interface ReadRecipient {
  /** The one that was tried. */
  readonly address: string
  /** As our sender wrote it (RFC 3464 §2.3.1). */
  readonly original?: string
  readonly action: ReadAction
  /** RFC 3463. */
  readonly status?: string
  /** Of SMTP, when the words of a server are among those below. */
  readonly code?: number
  /** The words of the server that refused, or of the one that reports. */
  readonly diagnostic?: string
  /** Who refused. */
  readonly remoteMta?: string
  /** Where the address stood: in fields for programs, in the text for people, in a field of the header, or only in the returned message. */
  readonly from: 'fields' | 'text' | 'header' | 'returned'
}

/** The message that came back, as far as it was returned. */
export interface Returned {
  readonly messageId?: string
  readonly from?: string
  readonly to: readonly string[]
  readonly subject?: string
  /** Who took it over on its way, from its Received fields: the newest first. */
  readonly hops: readonly Hop[]
}

export interface Hop {
  readonly by: string
  readonly id?: string
}

interface Common {
  readonly returned?: Returned
  /** ENVID of the message (RFC 3461 §4.4). */
  readonly envelopeId?: string
  readonly reportingMta?: string
}

export interface BounceReading extends Common {
  readonly kind: 'bounce'
  /** `report`: RFC 3464 or something like it; `text`: written for people only; `json`: a notification of a sending service. */
  readonly form: 'report' | 'text' | 'json'
  /** At least one. */
  readonly recipients: readonly ReadRecipient[]
}

/** RFC 5965: somebody says that they did not want this mail. */
export interface ComplaintReading extends Common {
  readonly kind: 'complaint'
  /** `abuse`, `fraud`, `virus`, `not-spam`, `opt-out`, `auth-failure` … */
  readonly feedback: string
  readonly recipients: readonly string[]
  readonly sourceIp?: string
  readonly reportedDomain?: string
}

export type Reading =
  | BounceReading
  | ComplaintReading
  /** RFC 3834: a person is away, a robot says thank you. */
  | { readonly kind: 'auto-reply'; readonly why: string }
  /** RFC 8098: read, or deleted unread. */
  | { readonly kind: 'receipt'; readonly why: string }
  /** It tells of trouble with mail, and not with whose. */
  | { readonly kind: 'unclear'; readonly why: string; readonly returned?: Returned }
  | { readonly kind: 'none'; readonly why: string }

export const MAX_RECIPIENTS = 500
export const MAX_TEXT = 1000
