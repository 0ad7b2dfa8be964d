/**
 * The list of this site (service `local-list`): whom an admin has written down, in files or by command, and why. It answers without asking
 * anybody, and decides nothing.
 */

/** What is looked for. Names and hosts as anybody writes them: whatever cannot be one is not found. */
export type ListQuestion =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'mailbox'; readonly local: string; readonly domain: string }
  /** Where a link leads; `path` begins with a slash. */
  | { readonly kind: 'link'; readonly host: string; readonly path: string }

/** One entry, with all that was said of it. */
export interface ListEntry {
  readonly kind: 'block' | 'allow'
  /** In its own notation: `192.0.2.0/24`, `.example.org`, `user@example.org`, `//example.org/path`. */
  readonly pattern: string
  /** Where it stands: `lists/bad.list:12`, or `run-time list`. */
  readonly place: string
  /** How much it weighs; left out: what config says. */
  readonly points?: number
  /** What a zone of the name service answers for it: `127.0.0.4`. */
  readonly code?: string
  /** For anybody who is refused or asks. */
  readonly reason?: string
  readonly by?: string
  /** Milliseconds since the epoch. */
  readonly since?: number
  readonly until?: number
}

export interface LocalList {
  /** The entry that fits best, among those whose time is not over. */
  find(question: ListQuestion): Promise<ListEntry | undefined>
  /** When something of it was last changed, milliseconds since the epoch. */
  changedAt(): Promise<number>
}
