/**
 * A mailbox address as SMTP carries it (RFC 5321 §4.1.2), already read and normalised:
 * the domain is lower case (A-labels stay as sent), the local part keeps its case and has lost its quotes.
 * Addresses are names, never keys: mailboxes belong to immutable account ids.
 */
export interface Address {
  readonly local: string
  /** Lower case; an address literal keeps its brackets: `[192.0.2.1]`. Empty only for the bare `<postmaster>`. */
  readonly domain: string
}
