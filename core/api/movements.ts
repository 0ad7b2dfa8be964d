/**
 * What owners of mailboxes do with their mail, for the trail: told by those who serve mailboxes, when the change is on disk. Mail that was
 * delivered here is known by the fields that were put in front of it; what was uploaded has no trail.
 */
export interface Movement {
  /** `removed`: for good. */
  readonly kind: 'moved' | 'copied' | 'removed'
  /** `alice@example.org` */
  readonly login: string
  readonly protocol: 'imap' | 'pop3'
  readonly from: string
  /** Where to; left out of what was removed. */
  readonly to?: string
  /** `MailEntry.prefix` of each. */
  readonly prefixes: readonly string[]
}

/** Service `movements`, of core: for those who serve mailboxes. */
export interface Movements {
  /** Nobody waits; of one command the first 500 are enough. */
  tell(movement: Movement): void
}

export const MOST_MOVED = 500
