/**
 * The sum every reader sees: prefix + body − cuts. Which ranges of the two sources make octets [from, to) of it.
 * Bodies are never rewritten, so every reader (IMAP, POP3, relaying, signing) goes through this arithmetic.
 */
export interface SumParts {
  readonly prefixBytes: number
  readonly bodySize: number
  /** Octets of the body that are left out: sorted, not overlapping. */
  readonly cuts: readonly (readonly [from: number, to: number])[]
}

export interface SumSegment {
  readonly from: 'prefix' | 'body'
  readonly start: number
  readonly end: number
}

export function sumSize(parts: SumParts): number {
  return parts.cuts.reduce((size, [from, to]) => size - (to - from), parts.prefixBytes + parts.bodySize)
}

/** Ranges in order; none is empty. `from` and `to` beyond the sum are brought back into it. */
export function sumSegments(parts: SumParts, from = 0, to = Number.POSITIVE_INFINITY): SumSegment[] {
  const segments: SumSegment[] = []
  let at = 0
  const add = (source: SumSegment['from'], start: number, end: number): void => {
    const first = Math.max(from, at)
    const last = Math.min(to, at + end - start)
    if (first < last) segments.push({ from: source, start: start + first - at, end: start + last - at })
    at += Math.max(0, end - start)
  }
  add('prefix', 0, parts.prefixBytes)
  let kept = 0
  for (const [cutFrom, cutTo] of parts.cuts) {
    add('body', kept, cutFrom)
    kept = cutTo
  }
  add('body', kept, parts.bodySize)
  return segments
}

/** The sum with its prefix at hand. */
export interface Sum {
  readonly prefix: Buffer
  readonly bodySize: number
  readonly cuts: SumParts['cuts']
}

/** Gives octets [from, to) of the stored body. */
export type ReadBody = (from: number, to: number) => Promise<Buffer>

/** Octets piece by piece. */
export interface Chunks extends AsyncIterable<Buffer> {
  /** All pieces, where they are in memory: who wants them so need not wait for each. */
  readonly atHand?: readonly Buffer[]
}

const CHUNK = 64 * 1024

/** Octets [from, to) of the sum in one buffer. */
export async function readSum(sum: Sum, readBody: ReadBody, from?: number, to?: number): Promise<Buffer> {
  const segments = sumSegments({ prefixBytes: sum.prefix.length, bodySize: sum.bodySize, cuts: sum.cuts }, from, to)
  const pieces: Buffer[] = []
  for (const segment of segments) pieces.push(await readSegment(sum, readBody, segment))
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

/** The whole sum in pieces of at most `chunkBytes`, read one after the other as they are asked for. */
export async function* sumChunks(sum: Sum, readBody: ReadBody, chunkBytes = CHUNK): AsyncGenerator<Buffer> {
  if (sum.prefix.length + sum.bodySize <= chunkBytes) {
    yield await readSum(sum, readBody)
    return
  }
  for (const segment of sumSegments({ prefixBytes: sum.prefix.length, bodySize: sum.bodySize, cuts: sum.cuts })) {
    for (let start = segment.start; start < segment.end; start += chunkBytes) {
      const end = Math.min(segment.end, start + chunkBytes)
      yield await readSegment(sum, readBody, { from: segment.from, start, end })
    }
  }
}

/** The whole sum where all of the body is in memory; nothing is copied. */
export function sumAtHand({ prefix, bodySize, cuts }: Sum, body: Buffer): Chunks {
  const segments = sumSegments({ prefixBytes: prefix.length, bodySize, cuts })
  const atHand = segments.map(({ from, start, end }) => (from === 'prefix' ? prefix : body).subarray(start, end))
  return {
    atHand,
    async *[Symbol.asyncIterator]() {
      yield* atHand
    },
  }
}

async function readSegment(sum: Sum, readBody: ReadBody, { from, start, end }: SumSegment): Promise<Buffer> {
  return from === 'prefix' ? sum.prefix.subarray(start, end) : readBody(start, end)
}
