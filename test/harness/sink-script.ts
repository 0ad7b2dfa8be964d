/** What the script of a mail sink is asked, and what it may answer. */

export type Stage =
  | 'connect'
  | 'ehlo'
  | 'starttls'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'bdat'
  | 'end'
  | 'rset'
  | 'quit'
  | 'other'

/** `undefined`: the usual answer. A string: this reply (lines joined with CRLF). */
export type SinkAnswer =
  | undefined
  | string
  | { readonly kind: 'drop'; readonly reply?: string }
  | { readonly kind: 'silent' }
  | { readonly kind: 'late'; readonly ms: number; readonly reply?: string }
  /** As late as the test wants it. */
  | { readonly kind: 'when'; readonly told: Promise<unknown>; readonly reply?: string }
  /** The usual answer, and another that nobody asked for. */
  | { readonly kind: 'also'; readonly later: Promise<unknown>; readonly reply: string }
  | { readonly kind: 'raw'; readonly bytes: string | Buffer }
  /** At `data`: goes on as usual, and the connection is gone after so many octets of the message. */
  | { readonly kind: 'cut'; readonly after: number }
  /** At `end`: the message is taken, and the connection is gone before anybody is told. */
  | { readonly kind: 'lost' }
  /** Sends these bytes as fast as they are taken, for ever. */
  | { readonly kind: 'flood'; readonly bytes: string }
  /** Sends these bytes again and again. */
  | { readonly kind: 'endless'; readonly bytes: string; readonly everyMs: number }
