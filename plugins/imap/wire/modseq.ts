/**
 * Mod-sequences on the wire (RFC 7162 §7): numbers of 63 bits, and what SELECT takes with them. Ours stay far below 2^53, so that one a client makes
 * up may be rounded.
 */
import { ReadError, type Reader } from './reader.js'
import { type Ranges, readSet, resolveSet } from './set.js'

/** mod-sequence-valzer */
export function readModseq(input: Reader): number {
  return input.number64('a mod-sequence')
}

export function writeModseq(modseq: number): string {
  return `MODSEQ (${modseq})`
}

/** What a client remembers of a mailbox it comes back to (RFC 7162 §3.2.5). */
export interface Remembered {
  readonly uidValidity: number
  readonly modseq: number
  /** Ascending, not touching. */
  readonly uids?: Ranges
  /** Places it believes certain UIDs to have; both ascending, and as many of one as of the other. */
  readonly places?: { readonly sequences: Ranges; readonly uids: Ranges }
}

/** `(uidvalidity modseq [uids] [(sequences uids)])` */
export function readRemembered(input: Reader): Remembered {
  input.need('(', '( and a UIDVALIDITY')
  const uidValidity = input.nzNumber('a UIDVALIDITY')
  input.space()
  const column = input.column
  const modseq = readModseq(input)
  if (modseq === 0) throw new ReadError(column, 'a mod-sequence above 0')
  const uids = input.peek(/ [0-9]/y) ? readKnown(input) : undefined
  const places = input.take(' ') === undefined ? undefined : readPlaces(input)
  input.need(')', ')')
  return { uidValidity, modseq, ...(uids && { uids }), ...(places && { places }) }
}

/** RFC 7162 §7 known-uids: no `*`. */
function readKnown(input: Reader): Ranges {
  input.space()
  const column = input.column
  const set = readSet(input)
  if (set.some(range => range.includes('*'))) throw new ReadError(column, 'a set without *')
  return resolveSet(set, 0)
}

function readPlaces(input: Reader): NonNullable<Remembered['places']> {
  const column = input.column
  input.need('(', '( and a set of message numbers')
  const sequences = readAscending(input)
  input.space()
  const uids = readAscending(input)
  input.need(')', ')')
  if (sizeOf(sequences) !== sizeOf(uids)) throw new ReadError(column, 'as many message numbers as UIDs')
  return { sequences, uids }
}

function sizeOf(ranges: Ranges): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0)
}

/** RFC 7162 §3.2.5.2: ascending, as the pairs are made by counting. */
function readAscending(input: Reader): Ranges {
  const column = input.column
  const ranges: (readonly [number, number])[] = []
  for (const [from, to] of readSet(input)) {
    if (from === '*' || to === '*') throw new ReadError(column, 'a set without *')
    const last = ranges.at(-1)?.[1] ?? 0
    const [low, high] = from <= to ? [from, to] : [to, from]
    if (low <= last) throw new ReadError(column, 'an ascending set')
    ranges.push([low, high])
  }
  return ranges
}

/** The pairs of a place and a UID, as far as there can be messages. */
export function* pairsOf(
  { sequences, uids }: NonNullable<Remembered['places']>,
  count: number,
): Generator<readonly [number, number]> {
  let at = 0
  let uid = uids[0]?.[0] ?? 0
  for (const [from, to] of sequences) {
    for (let sequence = from; sequence <= to; sequence++) {
      if (sequence > count) return
      yield [sequence, uid]
      if (uid < uids[at]![1]) uid += 1
      else uid = uids[++at]?.[0] ?? 0
    }
  }
}
