/**
 * Boxes as they were decoded last. Every command looks at its mailbox several times, and seldom has anybody changed it: what lies in the store is compared
 * octet by octet with what was decoded, which takes a tenth of decoding it. So nobody has to be told of changes, those of other processes included, nor of
 * a change that is undone.
 */
import type { Database } from 'lmdb'
import type { Box } from './boxes.js'

/** Some 500 octets each. */
const MOST_KNOWN = 4000

interface Known {
  readonly octets: Buffer
  readonly box: Box
}

type Octets = { getBinaryFast(id: string): Buffer | undefined }

export class KnownBoxes {
  readonly #db: Database<Box, string>
  readonly #known = new Map<string, Known>()

  constructor(db: Database<Box, string>) {
    this.#db = db
  }

  /** The caller's own: it may be changed. */
  find(id: string): Box | undefined {
    // lmdb-js reads into one buffer again and again, of which the front is the value.
    const octets = (this.#db as unknown as Octets).getBinaryFast(id)
    if (octets === undefined) return this.#gone(id)
    const { length } = octets
    const known = this.#known.get(id)
    if (known?.octets.length === length && known.octets.compare(octets, 0, length) === 0) return { ...known.box }
    // Only `subarray` minds where the value ends.
    const copy = Buffer.from(octets.subarray(0, length))
    const box = this.#db.get(id)
    if (box !== undefined) this.#keep(id, { octets: copy, box: { ...box } })
    return box
  }

  #gone(id: string): undefined {
    this.#known.delete(id)
  }

  #keep(id: string, known: Known): void {
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.set(id, known)
  }
}
