/**
 * The boundaries that are open while a message is scanned, and the search for the next delimiter line (RFC 2046 §5.1.1).
 * A delimiter counts when the line begins with it; of several that fit, the longest, then the innermost. The search looks
 * only at lines that begin with `--`, and tries each distinct length of boundary once, so hostile input stays linear.
 */
import { lineEnd } from './header.js'

const DASH = 45
const LINE_DASHES = Buffer.from('\n--')
// RFC 2046 §5.1.1 allows 70; mail has been seen with more.
export const MAX_BOUNDARY = 200

export interface Delimiter {
  /** Place in the stack of open multiparts. */
  readonly owner: number
  readonly closing: boolean
  readonly start: number
  /** After the line feed. */
  readonly end: number
}

export class Boundaries {
  /** Owners by boundary, the innermost last. */
  readonly #owners = new Map<string, number[]>()
  /** How many open boundaries have this length. */
  readonly #lengths = new Map<number, number>()
  #ordered: number[] = []

  open(boundary: string, owner: number): void {
    const owners = this.#owners.get(boundary)
    if (owners === undefined) this.#owners.set(boundary, [owner])
    else owners.push(owner)
    this.#lengths.set(boundary.length, (this.#lengths.get(boundary.length) ?? 0) + 1)
    this.#order()
  }

  close(boundary: string): void {
    const owners = this.#owners.get(boundary)!
    owners.pop()
    if (owners.length === 0) this.#owners.delete(boundary)
    const left = this.#lengths.get(boundary.length)! - 1
    if (left === 0) this.#lengths.delete(boundary.length)
    else this.#lengths.set(boundary.length, left)
    this.#order()
  }

  /** The first delimiter line at or after `from`, which must be a line start. */
  next(bytes: Buffer, from: number): Delimiter | undefined {
    if (this.#owners.size === 0) return undefined
    let start = bytes[from] === DASH && bytes[from + 1] === DASH ? from : nextDashes(bytes, from)
    while (start >= 0) {
      const found = this.at(bytes, start)
      if (found !== undefined) return found
      start = nextDashes(bytes, start)
    }
    return undefined
  }

  /** The delimiter on the line that starts here. */
  at(bytes: Buffer, start: number): Delimiter | undefined {
    if (bytes[start] !== DASH || bytes[start + 1] !== DASH) return undefined
    const longest = start + 2 + (this.#ordered[0] ?? 0)
    // No more of it than the line has: so what is tried is never more than what is there.
    const line = bytes.toString('latin1', start + 2, lineEnd(bytes, start, Math.min(longest, bytes.length)))
    for (const length of this.#ordered) {
      const owners = length <= line.length ? this.#owners.get(line.slice(0, length)) : undefined
      if (owners === undefined) continue
      const after = start + 2 + length
      const closing = bytes[after] === DASH && bytes[after + 1] === DASH
      return { owner: owners[owners.length - 1]!, closing, start, end: lineEnd(bytes, start) }
    }
    return undefined
  }

  get size(): number {
    return this.#owners.size
  }

  #order(): void {
    this.#ordered = [...this.#lengths.keys()].sort((a, b) => b - a)
  }
}

function nextDashes(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(LINE_DASHES, from)
  return at < 0 ? -1 : at + 1
}
