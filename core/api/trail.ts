/**
 * The trail: one decision record per message, from connect to mailbox, bounce or refusal, and what was done with it later. A record is the
 * entries under one queue id, in the order they were added; those that tell of a change are committed with it. Behind it a store keeps an index,
 * and forgets the oldest by age and by size.
 */

/** One line of a message's decision record. */
export interface TrailEntry {
  /** Queue id (transaction id) of the message; the session's id of what was refused before there was a transaction. */
  readonly id: string
  readonly at: number
  /**
   * `accepted`, `refused`, `unfinished` (the client left while it came), `discarded`, `filed`, `delivered`, `deferred`, `failed`, `bounced`, `returned`, `held`, `removed` (from
   * the queue), `moved`, `copied`, `expunged`, `marked` (in a mailbox) …
   * Plugins may add theirs.
   */
  readonly event: string
  /** A sentence. */
  readonly says: string
  readonly facts: Readonly<Record<string, string | number | boolean>>
  /** What the record can be found by from now on. For the index alone: `of` gives entries without it. */
  readonly by?: TrailKeys
}

export interface TrailKeys {
  /** As it stands in the field, angle brackets and all. */
  readonly messageId?: string
  /** Addresses as text; '' is the null sender, which finds nothing. Case does not matter. */
  readonly senders?: readonly string[]
  readonly recipients?: readonly string[]
  /** The client's IP address. */
  readonly clients?: readonly string[]
}

/** All that is given must be true of a record. Addresses may be `@example.org`: any of that domain. Case does not matter. */
export interface TrailQuery {
  readonly messageId?: string
  readonly sender?: string
  readonly recipient?: string
  /** One or the other. */
  readonly address?: string
  /** An IP address, or what stands in `clients`. */
  readonly client?: string
  /** When the record began, both ends included. */
  readonly since?: number
  readonly until?: number
  /** The newest; default 100. */
  readonly limit?: number
}

export interface TrailFound {
  readonly id: string
  /** When the record began. */
  readonly at: number
}

/** How far back the trail goes. */
export interface TrailReach {
  /** When the oldest record began that is still there. */
  readonly oldest?: number
  readonly keepMs?: number
  readonly maxBytes?: number
}

export interface Trail {
  add(entries: readonly TrailEntry[]): Promise<void>
  of(id: string): Promise<readonly TrailEntry[]>
  /** Newest first; each record once. */
  find(query: TrailQuery): Promise<readonly TrailFound[]>
  reach(): Promise<TrailReach>
}
