/** What does not add up, in words, and how it is mended. */
export interface Fault {
  readonly kind: 'counts' | 'uids' | 'history' | 'names' | 'references' | 'lost' | 'left over'
  /** Account and mailbox, or what else it is about. */
  readonly where: string
  readonly what: string
  /** Inside a write, which may come much later: it changes what is there then by what was wrong before. None: it cannot be mended. */
  readonly mend?: () => void
}

/** What was looked at. */
export interface Seen {
  accounts: number
  mailboxes: number
  messages: number
  bytes: number
  bodies: number
}
