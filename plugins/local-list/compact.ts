/**
 * A list of one file in memory: an open hash table over octets in a few typed arrays, as a million entries in a Map of strings and objects
 * would take ten times as much. Only added to; a file that has changed is read into a new one.
 */

/** What stands in a line beside the key: numbers into lists that the file keeps. */
export interface Row {
  readonly allow: boolean
  /** Of the line that says what holds for those below it. */
  readonly defaults: number
  readonly note: string
  readonly line: number
}

const FIRST_ROWS = 1024
/** Notes that are the same are kept once; beyond so many different ones nobody looks. */
const MOST_SHARED = 50_000

export class CompactList {
  /** 1 + row, by hash; 0 is free. Twice as many as rows at least. */
  #slots = new Uint32Array(FIRST_ROWS * 2)
  #keys = Buffer.alloc(FIRST_ROWS * 16)
  /** Where the key of each row ends. */
  #ends = new Uint32Array(FIRST_ROWS)
  #lines = new Uint32Array(FIRST_ROWS)
  /** Where the note of each row begins; 0 is none. */
  #notes = new Uint32Array(FIRST_ROWS)
  /** Twice the number of its defaults, and 1 for those that allow. */
  #ways = new Uint32Array(FIRST_ROWS)
  #texts = Buffer.alloc(4096)
  #textEnd = 1
  #shared: Map<string, number> | undefined = new Map()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Octets that it takes. */
  get bytes(): number {
    const arrays = [this.#slots, this.#keys, this.#ends, this.#lines, this.#notes, this.#ways, this.#texts]
    return arrays.reduce((sum, one) => sum + one.byteLength, 0)
  }

  /** The row that has this key already, or nothing when it is now there. */
  add(key: string, { allow, defaults, note, line }: Row): number | undefined {
    const octets = octetsOf(key)
    let slot = this.#slotOf(octets)
    const there = this.#slots[slot]!
    if (there !== 0) return there - 1
    if (this.#size === this.#ends.length) {
      this.#grow()
      slot = this.#slotOf(octets)
    }
    const row = this.#size++
    this.#slots[slot] = row + 1
    const start = this.#startOf(row)
    this.#keys = withRoom(this.#keys, start + octets.length)
    this.#keys.write(octets, start, 'latin1')
    this.#ends[row] = start + octets.length
    this.#lines[row] = line
    this.#notes[row] = this.#keepNote(note)
    this.#ways[row] = defaults * 2 + (allow ? 1 : 0)
    return undefined
  }

  find(key: string): number | undefined {
    const row = this.#slots[this.#slotOf(octetsOf(key))]!
    return row === 0 ? undefined : row - 1
  }

  at(row: number): Row {
    const way = this.#ways[row]!
    return {
      allow: (way & 1) === 1,
      defaults: way >> 1,
      note: this.#noteAt(this.#notes[row]!),
      line: this.#lines[row]!,
    }
  }

  keyAt(row: number): string {
    return Buffer.from(this.#keys.subarray(this.#startOf(row), this.#ends[row]!)).toString('utf8')
  }

  /** Gives back what only adding needs. */
  seal(): this {
    this.#shared = undefined
    this.#keys = Buffer.from(this.#keys.subarray(0, this.#size === 0 ? 0 : this.#ends[this.#size - 1]!))
    this.#texts = Buffer.from(this.#texts.subarray(0, this.#textEnd))
    const cut = (array: Uint32Array<ArrayBuffer>) => array.slice(0, this.#size)
    this.#ends = cut(this.#ends)
    this.#lines = cut(this.#lines)
    this.#notes = cut(this.#notes)
    this.#ways = cut(this.#ways)
    return this
  }

  /** Its own, or the free one where it belongs. */
  #slotOf(octets: string): number {
    const mask = this.#slots.length - 1
    for (let slot = hashOf(octets) & mask; ; slot = (slot + 1) & mask) {
      const there = this.#slots[slot]!
      if (there === 0 || this.#isKey(there - 1, octets)) return slot
    }
  }

  #isKey(row: number, octets: string): boolean {
    const start = this.#startOf(row)
    if (this.#ends[row]! - start !== octets.length) return false
    for (let at = octets.length - 1; at >= 0; at--) {
      if (this.#keys[start + at] !== octets.charCodeAt(at)) return false
    }
    return true
  }

  #startOf(row: number): number {
    return row === 0 ? 0 : this.#ends[row - 1]!
  }

  #grow(): void {
    const rows = this.#ends.length * 2
    const wider = (array: Uint32Array) => {
      const made = new Uint32Array(rows)
      made.set(array)
      return made
    }
    this.#ends = wider(this.#ends)
    this.#lines = wider(this.#lines)
    this.#notes = wider(this.#notes)
    this.#ways = wider(this.#ways)
    this.#slots = new Uint32Array(rows * 2)
    const mask = this.#slots.length - 1
    for (let row = 0; row < this.#size; row++) {
      let slot = hashAt(this.#keys, this.#startOf(row), this.#ends[row]!) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = row + 1
    }
  }

  #keepNote(note: string): number {
    if (note === '') return 0
    const known = this.#shared?.get(note)
    if (known !== undefined) return known
    const octets = Buffer.byteLength(note)
    const at = this.#textEnd
    this.#texts = withRoom(this.#texts, at + 2 + octets)
    this.#texts.writeUInt16LE(octets, at)
    this.#texts.write(note, at + 2, 'utf8')
    this.#textEnd = at + 2 + octets
    if (this.#shared !== undefined && this.#shared.size < MOST_SHARED) this.#shared.set(note, at)
    return at
  }

  #noteAt(at: number): string {
    if (at === 0) return ''
    return this.#texts.toString('utf8', at + 2, at + 2 + this.#texts.readUInt16LE(at))
  }
}

/** One character for each octet of UTF-8; nearly all keys are that already. */
function octetsOf(key: string): string {
  return /^[\x00-\x7f]*$/.test(key) ? key : Buffer.from(key).toString('latin1')
}

// FNV-1a; the admin chooses what is in the table, so nobody can make it collide.
function hashOf(octets: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < octets.length; at++) hash = Math.imul(hash ^ octets.charCodeAt(at), 0x01000193)
  return mixed(hash)
}

function hashAt(octets: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ octets[at]!, 0x01000193)
  return mixed(hash)
}

/** Only the low bits choose the slot: the high ones must have a say. */
function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (once ^ (once >>> 13)) >>> 0
}

function withRoom(buffer: Buffer<ArrayBuffer>, octets: number): Buffer<ArrayBuffer> {
  if (octets <= buffer.length) return buffer
  const wider = Buffer.alloc(Math.max(octets, buffer.length * 2))
  buffer.copy(wider)
  return wider
}
