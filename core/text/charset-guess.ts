/**
 * The text of octets whose charset is named, named wrongly, or not named at all, and what it was read as. What is named counts as long as
 * the octets can be of it; UTF-8 is known by its shape, the charsets of Russian, Chinese, Japanese and Korean by theirs. Linear; never throws.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { canonicalCharset, decodeCharset, decodeWestern, knowsCharset } from './charset.js'

export interface ReadOctets {
  readonly text: string
  /** What it was read as, lower case. */
  readonly found: string
  /** The octets are not of the charset that is named; nobody knows such a charset. */
  readonly wrong?: 'lies' | 'unknown'
}

/** As much tells as the whole. */
const LOOKED_AT = 64 * 1024
const ESCAPE = 27
const REPLACEMENT = /\ufffd/g
/** One octet in so many may be broken, by a cut or a gateway, before the name is taken for a lie. */
const MOST_BROKEN = 1 / 50
const SHIFTED = /^(?:iso-2022-|csiso2022|hz-gb-2312|utf-7|unicode-1-1-utf-7|csunicode11utf7)/
const WIDE = /^(?:utf-?16|utf-?32|ucs-?[24]|unicode$|iso-10646)/
const ASCII = /^(?:us-ascii|ascii|ansi_x3\.4-19\d\d|646|iso646-us|)$/
const EAST_ASIAN = /^(?:gb|big5|shift|sjis|ms_kanji|euc|x-euc|ks_c|korean|cp9[345]\d|windows-(?:31j|949|936))/

/** `said` is '' when nothing is. */
export function readOctets(octets: Buffer, said: string): ReadOctets {
  const name = canonicalCharset(said)
  const marked = byMark(octets)
  if (marked !== undefined) return marked
  if (isAscii(octets)) return readSeven(octets, name)
  if (isUtf8(octets)) return readUtf8(octets, name)
  if (ASCII.test(name)) return guessed(octets, name === '' ? undefined : 'lies')
  if (!knowsCharset(name)) return guessed(octets, 'unknown')
  const text = decodeCharset(octets, name)
  const broken = text.match(REPLACEMENT)?.length ?? 0
  const lies = broken > 0 && broken > octets.length * (name === 'utf-8' ? utf8Patience(octets) : MOST_BROKEN)
  return lies ? guessed(octets, 'lies') : { text, found: name }
}

/** A byte order mark says it plainly. */
function byMark(octets: Buffer): ReadOctets | undefined {
  if (octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf) {
    return { text: decodeCharset(octets.subarray(3), 'utf-8'), found: 'utf-8' }
  }
  if (octets[0] === 0xff && octets[1] === 0xfe && octets.length % 2 === 0) {
    return { text: decodeCharset(octets.subarray(2), 'utf-16le'), found: 'utf-16le' }
  }
  if (octets[0] === 0xfe && octets[1] === 0xff && octets.length % 2 === 0) {
    return { text: decodeCharset(octets.subarray(2), 'utf-16be'), found: 'utf-16be' }
  }
  return undefined
}

/** Seven bits are ASCII, or a charset that shifts between sets with escape sequences, or UTF-7. */
function readSeven(octets: Buffer, name: string): ReadOctets {
  if (SHIFTED.test(name)) return { text: decodeCharset(octets, name), found: name }
  const sign = octets.indexOf(ESCAPE)
  const shift = sign < 0 ? undefined : shiftOf(octets.toString('latin1', sign, sign + 4))
  if (shift !== undefined) {
    return { text: decodeCharset(octets, shift), found: shift, ...(!ASCII.test(name) && { wrong: 'lies' as const }) }
  }
  if (WIDE.test(name) && octets.includes(0)) return { text: decodeCharset(octets, name), found: name }
  const text = octets.toString('latin1')
  if (WIDE.test(name)) return { text, found: 'us-ascii', wrong: 'lies' }
  return { text, found: 'us-ascii', ...(name !== '' && !knowsCharset(name) && { wrong: 'unknown' as const }) }
}

/** ISO 2022 as RFC 1468, RFC 1554, RFC 1557 and RFC 1922 use it. */
function shiftOf(sequence: string): string | undefined {
  if (/^\x1b(?:\$[@B]|\([JI]|\$\(D)/.test(sequence)) return 'iso-2022-jp'
  return sequence.startsWith('\x1b$)C') ? 'iso-2022-kr' : undefined
}

/** Text of another charset that happens to have the shape of UTF-8 is very short, or of East Asia. */
function readUtf8(octets: Buffer, name: string): ReadOctets {
  if (WIDE.test(name) && octets.includes(0)) return { text: decodeCharset(octets, name), found: name }
  if (EAST_ASIAN.test(name) && highOctets(octets) < 24) return { text: decodeCharset(octets, name), found: name }
  const text = octets.toString('utf8')
  if (name === 'utf-8' || ASCII.test(name)) return { text, found: 'utf-8' }
  return { text, found: 'utf-8', wrong: knowsCharset(name) ? 'lies' : 'unknown' }
}

/** Where hardly any octet is beyond ASCII, one in a hundred says little: it is those that must be right. */
function utf8Patience(octets: Buffer): number {
  return (highOctets(octets) / Math.max(1, octets.length)) * 0.1
}

function guessed(octets: Buffer, wrong: ReadOctets['wrong']): ReadOctets {
  const found = guess(octets)
  const text = found === 'windows-1252' ? decodeWestern(octets) : decodeCharset(octets, found)
  return { text, found, ...(wrong !== undefined && { wrong }) }
}

function highOctets(octets: Buffer): number {
  const end = Math.min(octets.length, LOOKED_AT)
  let high = 0
  for (let i = 0; i < end; i++) if (octets[i]! > 127) high += 1
  return octets.length > end ? Math.round((high * octets.length) / end) : high
}

/** By the shape of pairs, and which of them are frequent. Neither ASCII nor UTF-8 comes here. */
function guess(octets: Buffer): string {
  const pairs = countPairs(octets.subarray(0, LOOKED_AT))
  if (pairs.high < 4) return 'windows-1252'
  const inPairs = (one: number) => (2 * one) / pairs.high
  // In languages of Latin letters eighth bits stand alone; elsewhere they come in words.
  if (pairs.inRuns / pairs.high < 0.6) return 'windows-1252'
  if (inPairs(pairs.kanaSjis) > 0.25 && pairs.kanaSjis > pairs.kanaEuc) return 'shift_jis'
  if (inPairs(pairs.kanaEuc) > 0.25) return 'euc-jp'
  if (inPairs(pairs.hangul) > 0.85) return 'euc-kr'
  if (inPairs(pairs.gb) > 0.75) return 'gb18030'
  if (inPairs(pairs.big5) > 0.75) return 'big5'
  return pairs.upperRange + pairs.lowerRange > pairs.high * 0.8 ? cyrillic(pairs) : 'windows-1252'
}

/** Most letters are small: these lie in the upper half in windows-1251, in the lower half in KOI8. */
function cyrillic({ upperRange, lowerRange }: Pairs): string {
  return upperRange >= lowerRange ? 'windows-1251' : 'koi8-r'
}

interface Pairs {
  high: number
  /** Eighth bits beside another. */
  inRuns: number
  kanaSjis: number
  kanaEuc: number
  hangul: number
  gb: number
  big5: number
  upperRange: number
  lowerRange: number
}

function countPairs(octets: Buffer): Pairs {
  const pairs = { high: 0, inRuns: 0, kanaSjis: 0, kanaEuc: 0, hangul: 0, gb: 0, big5: 0, upperRange: 0, lowerRange: 0 }
  let second = false
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!
    if (octet < 128) {
      second = false
      continue
    }
    pairs.high += 1
    if (octet >= 0xe0) pairs.upperRange += 1
    else if (octet >= 0xc0) pairs.lowerRange += 1
    const next = octets[i + 1] ?? 0
    if (next > 127 || (i > 0 && octets[i - 1]! > 127)) pairs.inRuns += 1
    if (!second) countPair(pairs, octet, next)
    second = !second && next > 127
  }
  return pairs
}

function countPair(pairs: Pairs, lead: number, tail: number): void {
  if ((lead === 0x82 && tail >= 0x9f && tail <= 0xf1) || (lead === 0x83 && tail >= 0x40 && tail <= 0x96))
    pairs.kanaSjis += 1
  if ((lead === 0xa4 || lead === 0xa5) && tail >= 0xa1 && tail <= 0xf6) pairs.kanaEuc += 1
  if (lead >= 0xb0 && lead <= 0xc8 && tail >= 0xa1) pairs.hangul += 1
  // The first level, by pronunciation, and the signs.
  if (((lead >= 0xb0 && lead <= 0xd7) || lead === 0xa1 || lead === 0xa3) && tail >= 0xa1) pairs.gb += 1
  if (lead >= 0xa1 && lead <= 0xc6 && ((tail >= 0x40 && tail <= 0x7e) || tail >= 0xa1)) pairs.big5 += 1
}
