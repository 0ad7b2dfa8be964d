/**
 * What an import reads, whatever the other server kept it in: mailboxes, and messages with what clients know them by. Readers only read; what becomes
 * of it is the business of `bringing.ts`.
 */
export interface ForeignMail {
  /** Names it among those of its mailbox, also when its flags have changed. */
  readonly source: string
  /** Told when it cannot be read. */
  readonly place: string
  readonly uid?: number
  readonly uniqueId?: string
  readonly flags: readonly string[]
  /** INTERNALDATE. */
  readonly date: number
  /** Octets as they lie there. Throws what the file system throws. */
  chunks(): AsyncIterable<Buffer>
}

export interface ForeignMailbox {
  /** With `/` between levels; INBOX as such. */
  readonly name: string
  /** Where it lies. */
  readonly place: string
  readonly subscribed: boolean
  /** Its UIDs count only together with it. */
  readonly uidValidity?: number
  readonly uidNext?: number
  /** Ascending by UID; those without one come last. */
  readonly messages: readonly ForeignMail[]
}

export interface Foreign {
  readonly mailboxes: AsyncIterable<ForeignMailbox>
  /** What had to be passed over, in sentences; complete when all mailboxes were read. */
  readonly warnings: readonly string[]
}
