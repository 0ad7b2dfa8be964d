/**
 * Text as it is compared in SEARCH, SORT and THREAD: i;unicode-casemap (RFC 5051), which I18NLEVEL=1 (RFC 5255 §4.2) asks for. Two texts are the same
 * when they are after folding; composed and decomposed letters, wide and narrow forms and letters of either case are.
 */
const BEYOND_ASCII = /[^\x00-\x7f]/

export function fold(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text.toUpperCase()
  const decomposed = text.normalize('NFKD')
  // RFC 5051 §2.3 knows only case mappings of one letter to one: ß has none.
  return decomposed.includes('ß') ? decomposed.split('ß').map(upper).join('ß') : upper(decomposed)
}

function upper(text: string): string {
  return text.toUpperCase()
}

/** Code points in order, as UTF-8 would sort: i;unicode-casemap ends in i;octet. */
export function compareFolded(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [one, other] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (one !== other) return isSurrogate(one) === isSurrogate(other) ? one - other : isSurrogate(one) ? 1 : -1
  }
  return a.length - b.length
}

/** Halves of what lies beyond U+FFFF sort before U+E000 as UTF-16, and after it as UTF-8. */
function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}
