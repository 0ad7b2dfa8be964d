/**
 * Encoded words of header fields (RFC 2047) made readable. Takes `raw` as `scanHeader` gives it (octets as Latin-1): eighth
 * bits outside of words are read as UTF-8 when they are, else as windows-1252. Linear; never throws; broken words stay as written.
 */
import { decodeCharset, decodeUnknown } from './charset.js'
import { decodeBase64, decodeQuotedPrintable } from './transfer.js'

/** Longer fields are cut: nobody reads them, and rules should not either. */
const MAX_RAW = 256 * 1024
// RFC 2047 §2, with the spaces that many mailers leave in Q words.
const WORD = /=\?([^?\s]{1,60})\?([bq])\?([^?\r\n]*)\?=/gi
const BEYOND_ASCII = /[^\x00-\x7f]/
/** RFC 5322 §3.2.3: words that need no quotes. */
const PHRASE = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*$/
const BEYOND_OCTETS = /[^\x00-\xff]/

interface Run {
  charset: string
  bytes: Buffer[]
}

export function decodeWords(raw: string): string {
  const text = raw.length > MAX_RAW ? raw.slice(0, MAX_RAW) : raw
  if (!text.includes('=?')) return readable(text)
  let out = ''
  let at = 0
  let run: Run | undefined
  for (const found of text.matchAll(WORD)) {
    const between = text.slice(at, found.index)
    // RFC 2047 §6.2: white space between two words is not shown.
    if (run === undefined || between.trim() !== '') out += finish(run) + readable(between)
    else if (run.charset !== charsetOf(found)) out += finish(run)
    else {
      // A character may be split over two words (forbidden by §5 and common): octets are joined before they are decoded.
      run.bytes.push(octetsOf(found))
      at = found.index + found[0].length
      continue
    }
    run = { charset: charsetOf(found), bytes: [octetsOf(found)] }
    at = found.index + found[0].length
  }
  return out + finish(run) + readable(text.slice(at))
}

/** RFC 2047 §2: an encoded word has at most 75 characters; `=?UTF-8?B?…?=` leaves 45 octets. */
const WORD_OCTETS = 45

/** Words beyond ASCII as encoded words, for fields of mail that may not hold UTF-8 (RFC 6531 is what allows it). */
export function encodeWords(value: string): string {
  if (!BEYOND_ASCII.test(value)) return value
  // Runs of such words are encoded together, as the space between two encoded words is not shown (§6.2).
  let [out, run, spaces] = ['', '', '']
  for (const [at, part] of value.split(/( +)/).entries()) {
    if (at % 2 === 1) spaces = part
    else if (BEYOND_ASCII.test(part) && run !== '') run += spaces + part
    else {
      out += encodeWhole(run) + spaces
      run = BEYOND_ASCII.test(part) ? part : ''
      if (run === '') out += part
    }
  }
  return out + encodeWhole(run)
}

/** All of the text as encoded words, spaces too: what stands in a phrase may not be half of it in quotes (§5). */
export function encodeWhole(text: string): string {
  return inPieces(text)
    .map(piece => `=?UTF-8?B?${Buffer.from(piece).toString('base64')}?=`)
    .join(' ')
}

/** A display name (RFC 5322 §3.4) as it stands in front of an address: in quotes, or all of it in encoded words, which quotes would hide. */
export function encodePhrase(text: string): string {
  const clean = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim()
  if (BEYOND_ASCII.test(clean)) return encodeWhole(clean)
  return PHRASE.test(clean) ? clean : `"${clean.replace(/["\\]/g, '\\$&')}"`
}

/** §5: never within a character. */
function inPieces(text: string): string[] {
  const pieces: string[] = []
  let piece = ''
  let octets = 0
  for (const char of text) {
    const more = Buffer.byteLength(char)
    if (octets + more > WORD_OCTETS) {
      pieces.push(piece)
      piece = ''
      octets = 0
    }
    piece += char
    octets += more
  }
  return piece === '' ? pieces : [...pieces, piece]
}

/** RFC 2231 §5: a language may follow the charset. */
function charsetOf(found: RegExpMatchArray): string {
  return found[1]!.split('*')[0]!.toLowerCase()
}

function octetsOf(found: RegExpMatchArray): Buffer {
  const bytes = Buffer.from(found[3]!, 'latin1')
  return found[2]!.toLowerCase() === 'b' ? decodeBase64(bytes) : decodeQuotedPrintable(bytes, true)
}

/** What was encoded may hold line ends; a header value may not. */
function finish(run: Run | undefined): string {
  if (run === undefined) return ''
  return decodeCharset(Buffer.concat(run.bytes), run.charset).replace(/[\u0000-\u001f\u007f]/g, ' ')
}

function readable(text: string): string {
  // Text beyond Latin-1 has been decoded by somebody already.
  if (!BEYOND_ASCII.test(text) || BEYOND_OCTETS.test(text)) return text
  return decodeUnknown(Buffer.from(text, 'latin1'))
}
