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
