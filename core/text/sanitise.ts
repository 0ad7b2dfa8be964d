/**
 * Text of a peer, made fit for logs, replies and header fields: one line, no controls, no direction tricks, bounded.
 * Done once, at the edge.
 */

// C0, DEL, C1, soft line ends, bidirectional controls, lone surrogates.
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu

/** Most of it; looked for first, as that is fast. */
const PLAIN = /^[ -~]*$/

export function printable(text: string, max = 200): string {
  const cut = text.length > max
  const kept = cut ? text.slice(0, Math.max(0, max - 1)) : text
  if (!cut && PLAIN.test(text)) return text
  // A cut through a surrogate pair leaves half a character, which the pattern replaces too.
  const clean = kept.replace(UNFIT, '?')
  return cut ? `${clean}…` : clean
}
