/**
 * One pass over the characters of a text that picks what looks dressed up: tokens with signs, odd letters or nothing-characters within, and
 * rows of single letters. Nearly all tokens of honest mail are let go here, at a few nanoseconds a character; no allocation for those.
 */

export interface Classes {
  readonly start: number
  readonly end: number
}

export interface Token extends Classes {
  /** All of it in Greek or Cyrillic: odd only where the rest is Latin. */
  readonly foreign: boolean
}

export interface Scanned {
  readonly tokens: readonly Token[]
  /** Rows of pieces of one or two letters. */
  readonly runs: readonly Classes[]
  readonly mainlyLatin: boolean
}

const SPACE = 0
const LETTER = 1
const DIGIT = 2
/** Stands for a letter at times: @ $ ! | € … */
const SIGN = 3
const PUNCTUATION = 4
/** Accented Latin: folding knows them. */
const ACCENTED = 5
const INVISIBLE = 6
const FANCY = 7
/** Greek and Cyrillic. */
const FOREIGN = 8
/** Apostrophes, and scripts that nothing Latin looks like. */
const NEUTRAL = 9

const ODD = (1 << FANCY) | (1 << FOREIGN) | (1 << INVISIBLE)
const SIGNS = (1 << DIGIT) | (1 << SIGN)
const FOREIGN_ALONE = (1 << FOREIGN) | (1 << PUNCTUATION) | (1 << NEUTRAL)
const CAPITAL_I = 73
const SMALL_A = 97
const SMALL_L = 108
const SHORTEST_DOUBLED = 6

const CLASS = classes()
/** A text of nothing but odd tokens is bounded here. */
const MOST_TOKENS = 2000
const LEAST_PIECES = 4
const LEAST_SINGLES = 2

export function classOf(code: number): number {
  return CLASS[code]!
}

/** `codes`: the characters of a text, so many of them. */
export function scanTokens(codes: Uint16Array, length: number): Scanned {
  const scan = new Scan(codes, length)
  let at = 0
  while (true) {
    while (at < length && CLASS[codes[at]!] === SPACE) at++
    if (at >= length) break
    at = scan.token(at)
  }
  return scan.end()
}

class Scan {
  readonly #codes: Uint16Array
  readonly #length: number
  readonly #tokens: Token[] = []
  readonly #runs: Classes[] = []
  #latin = 0
  #foreign = 0
  #runStart = -1
  #runEnd = 0
  #runPieces = 0
  /** Pieces of one letter in this run: "it is to be" has none. */
  #runSingles = 0

  constructor(codes: Uint16Array, length: number) {
    this.#codes = codes
    this.#length = length
  }

  /** Takes the token at `start`; gives its end. Most are plain words, with a mark behind them at times. */
  token(start: number): number {
    const codes = this.#codes
    const length = this.#length
    let at = start
    let code = 0
    let last = 0
    let doubled = false
    let look = false
    for (; at < length; at++) {
      code = codes[at]!
      if (CLASS[code] !== LETTER) break
      if ((code | 32) === (last | 32)) doubled = true
      // I amid small letters may be l; l before a consonant at the start may be I.
      else if (code === CAPITAL_I && last >= SMALL_A) look = true
      else if (last === SMALL_L && at === start + 1 && !isVowel(code)) look = true
      last = code
    }
    const kind = at < length ? CLASS[code]! : SPACE
    const mark = kind === PUNCTUATION && (at + 1 >= length || CLASS[codes[at + 1]!] === SPACE)
    if (at === start || !(mark || kind === SPACE)) return this.#rest(start, at, look)
    const letters = at - start
    this.#latin += letters
    this.#pieces(start, at, 1, letters, letters === 1 ? 1 : 0)
    if (look || (doubled && letters >= SHORTEST_DOUBLED)) this.#odd(start, at, 1 << LETTER)
    return mark ? at + 1 : at
  }

  end(): Scanned {
    this.#endRun()
    return { tokens: this.#tokens, runs: this.#runs, mainlyLatin: this.#latin > this.#foreign }
  }

  /** A token with other things in it than letters, the first of which is at `from`. */
  #rest(start: number, from: number, look: boolean): number {
    const codes = this.#codes
    const length = this.#length
    let at = from
    let seen = from > start ? 1 << LETTER : 0
    let letters = from - start
    let before = from > start ? LETTER : SPACE
    let inner = look
    let pieces = from > start ? 1 : 0
    let piece = letters
    let longest = letters
    let singles = 0
    for (; at < length; at++) {
      const kind = CLASS[codes[at]!]!
      if (kind === SPACE) break
      seen |= 1 << kind
      if (kind === LETTER) {
        letters++
        if (letters > 1 && before !== LETTER && before !== NEUTRAL && before !== ACCENTED) inner = true
      }
      if (kind === PUNCTUATION || kind === NEUTRAL) {
        if (piece === 1) singles++
        piece = 0
      } else if (kind !== INVISIBLE) {
        if (piece++ === 0) pieces++
        if (piece > longest) longest = piece
      }
      before = kind
    }
    if (seen & (1 << FOREIGN)) this.#foreign += at - start
    else this.#latin += letters
    this.#pieces(start, at, pieces, longest, piece === 1 ? singles + 1 : singles)
    // A sign at an edge: "$ave", "casin0".
    if (inner || seen & ODD || (letters > 1 && seen & SIGNS && hasEdgeSign(codes, start, at)))
      this.#odd(start, at, seen)
    return at
  }

  #odd(start: number, end: number, seen: number): void {
    if (this.#tokens.length >= MOST_TOKENS) return
    this.#tokens.push({ start, end, foreign: (seen & ~FOREIGN_ALONE) === 0 })
  }

  #pieces(start: number, end: number, pieces: number, longest: number, singles: number): void {
    if (longest > 2) this.#endRun()
    else if (pieces > 0) {
      if (this.#runStart === -1) this.#runStart = start
      this.#runEnd = end
      this.#runPieces += pieces
      this.#runSingles += singles
    }
  }

  #endRun(): void {
    if (this.#runStart === -1) return
    if (this.#runPieces >= LEAST_PIECES && this.#runSingles >= LEAST_SINGLES && this.#runs.length < MOST_TOKENS)
      this.#runs.push({ start: this.#runStart, end: this.#runEnd })
    this.#runStart = -1
    this.#runPieces = 0
    this.#runSingles = 0
  }
}

function isVowel(code: number): boolean {
  const letter = code | 32
  return letter === 97 || letter === 101 || letter === 105 || letter === 111 || letter === 117 || letter === 121
}

function hasEdgeSign(codes: Uint16Array, start: number, end: number): boolean {
  const first = CLASS[codes[start]!]!
  if (first === DIGIT || first === SIGN) return true
  const last = codes[end - 1]!
  // 0, 5, $, @ behind a word; other digits there are numbers.
  return last === 48 || last === 53 || last === 36 || last === 64
}

function classes(): Uint8Array {
  const table = new Uint8Array(65536).fill(NEUTRAL)
  const set = (kind: number, ...ranges: readonly (readonly [number, number])[]) => {
    for (const [from, to] of ranges) table.fill(kind, from, to + 1)
  }
  set(
    PUNCTUATION,
    [0x21, 0x7e],
    [0xa1, 0xbf],
    [0x2010, 0x2015],
    [0x2020, 0x2027],
    [0x2030, 0x205e],
    [0x2190, 0x23ff],
    [0x2500, 0x27bf],
  )
  set(
    SPACE,
    [0, 0x20],
    [0x7f, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
  )
  set(DIGIT, [0x30, 0x39])
  set(LETTER, [0x41, 0x5a], [0x61, 0x7a])
  for (const sign of '@$!|+€£¡¢©®¥µ§¦') set(SIGN, [sign.charCodeAt(0), sign.charCodeAt(0)])
  set(ACCENTED, [0xc0, 0x24f], [0x1e00, 0x1eff], [0x300, 0x36f])
  set(
    INVISIBLE,
    [0xad, 0xad],
    [0x34f, 0x34f],
    [0x61c, 0x61c],
    [0x180b, 0x180f],
    [0x200b, 0x200f],
    [0x202a, 0x202e],
    [0x2060, 0x206f],
    [0xfe00, 0xfe0f],
    [0xfeff, 0xfeff],
  )
  set(
    FANCY,
    [0x250, 0x2af],
    [0x1d00, 0x1dbf],
    [0x2070, 0x209f],
    [0x2100, 0x214f],
    [0x2160, 0x2188],
    [0x2460, 0x24ff],
    [0x13a0, 0x13f5],
    [0xa4d0, 0xa4ff],
    [0xa720, 0xa7ff],
    [0xff01, 0xff5e],
  )
  // High halves of mathematical letters, and of squared ones and flags.
  set(FANCY, [0xd835, 0xd835], [0xd83c, 0xd83c])
  set(FOREIGN, [0x370, 0x3ff], [0x400, 0x52f], [0x531, 0x587], [0x1f00, 0x1fff])
  set(NEUTRAL, [0x27, 0x27], [0x60, 0x60], [0x2018, 0x2019])
  return table
}
