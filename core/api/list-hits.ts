/**
 * What lists in the name service have of a message and of its client (service `list-hits`), for whoever judges by it. A list that could not
 * be asked, or refused to answer, has nothing.
 */
import type { Asked, Call } from './hooks.js'

/** One entry of one list. */
export interface ListHit {
  /** As the admin calls it. */
  readonly list: string
  readonly kind: 'block' | 'allow'
  /** The address, name, mail address or link it has. */
  readonly of: string
  /** Where that stands: `client`, `helo`, `from`, `links` … */
  readonly topics: readonly string[]
  readonly codes: readonly string[]
  /** What the codes mean, as far as config says. */
  readonly means?: string
  /** The list's own words. */
  readonly reason?: string
  /** What the admin makes of it; below zero for lists that speak for a mail. */
  readonly points: number
}

export interface ListFacts {
  readonly hits: readonly ListHit[]
  /** Lists that could not be asked, or refused. */
  readonly unknown: readonly string[]
  /** Hosts of links that only stand in front of others. */
  readonly shorteners: readonly string[]
  /** Questions it took, without those about the client. */
  readonly questions: number
  /** Hosts and addresses of the message that nobody was asked about, as there were too many. */
  readonly leftOut: number
}

export interface ListHits {
  /** Found out once for each message; nothing: it did not come from elsewhere, or nothing can be looked up. Never throws, unless there is a bug. */
  found(asked: Asked['score'], call: Call): Promise<ListFacts | undefined>
}
