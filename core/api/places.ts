/**
 * Service `places`: mail of ours that is not kept in our store but handed to a mailbox file, a Maildir, a program or another server. The delivery agent
 * finds out whose mail it is and asks here whether a mailbox of ours gets it. Pure and quick: it is asked for each recipient.
 */
import type { Account } from './accounts.js'

export interface Places {
  /** For an address (`local@domain`, lower case) and whoever has it; `undefined`: it goes into their mailbox, or nobody has it. */
  find(address: string, account: Account | undefined): PlaceFound | undefined
  /** Takes all names of a domain that nobody has. */
  anyName(domain: string): PlaceFound | undefined
}

export interface PlaceFound {
  /** As the admin calls it; goes into the claim's `detail.place`. */
  readonly name: string
  readonly target: string
  /** For people: `mbox /var/mail/{user}`. */
  readonly says: string
}
