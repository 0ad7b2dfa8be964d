/** Putting accepted messages into mailboxes, as a part of a larger write. The body's references are the caller's to count. */
import { type Cut, checkAccountId, checkMailboxName, type Filing } from 'posthouse/api'
import { newId, normaliseFlags, sumSize } from 'posthouse/text'
import type { Box, Boxes } from './boxes.js'
import type { Directory } from './directory.js'

export interface FiledBody {
  readonly id: string
  readonly size: number
  readonly cuts: readonly Cut[]
}

export class Filings {
  readonly #boxes: Boxes
  readonly #directory: Directory
  readonly #now: () => number

  constructor(boxes: Boxes, directory: Directory, now: () => number) {
    this.#boxes = boxes
    this.#directory = directory
    this.#now = now
  }

  /** Throws when a filing cannot be. */
  check(filings: readonly Filing[]): void {
    for (const { accountId, mailbox } of filings) {
      checkAccountId(accountId)
      checkMailboxName(mailbox)
    }
  }

  /** Inside a write. Gives the ids of the mailboxes that changed. */
  file(filings: readonly Filing[], { id: bodyId, size: bodySize, cuts }: FiledBody): string[] {
    return filings.map(({ accountId, mailbox, flags, prefix, date }) => {
      const box = this.#box(accountId, checkMailboxName(mailbox))
      const size = sumSize({ prefixBytes: Buffer.byteLength(prefix), bodySize, cuts })
      const saved = this.#now()
      const emailId = newId(Date.now())
      box.modseq++
      this.#boxes.add(box, { bodyId, bodySize, cuts, prefix, size, emailId, flags: normaliseFlags(flags), date, saved })
      this.#boxes.put(box)
      return box.id
    })
  }

  #box(accountId: string, name: string): Box {
    this.#directory.ensureAccount(accountId)
    const known = this.#directory.byName(accountId, name)
    if (known !== undefined) return known
    // Clients that show only what is subscribed would never show the mail.
    this.#directory.subscribe(accountId, name, true)
    return this.#directory.make(accountId, name, this.#directory.vacantUse(accountId, name))
  }
}
