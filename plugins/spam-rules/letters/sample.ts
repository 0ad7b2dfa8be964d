/**
 * A text as letter tests look at it, with what all of them ask first. Made once for each place of a message, in one go over its characters: a look at a
 * character costs little, and what follows from where words end costs most.
 */
import { bothEnds, codesOf, isSpace, letterNumber } from 'posthouse/text'

/** Enough to tell: what is put in to mislead filters stands at the beginning or at the end. */
const MOST = 12 * 1024
/** Who shouts does so from the beginning. */
export const ENOUGH_TO_HEAR = 4096
/** Of a bare run: a word has so many letters, and little stands between two. */
const LEAST_LETTERS = 3
const MOST_GAP = 3
/** Gaps that letters one by one must stand between for text to be spaced out. */
const LEAST_GAPS = 4
/** Letters of a word that is looked at for itself, and how many pieces of text are. */
const LONG = 8
const MOST_PIECES = 3000

export interface Sample {
  readonly text: string
  readonly beyondAscii: boolean
  readonly beyondLatin1: boolean
  /** Capitals and small letters of ASCII in its beginning, and rows of two capitals or more. */
  readonly upper: number
  readonly small: number
  readonly rows: number
  /** There are four gaps of one kind with a letter between each two of them. */
  readonly spacedOut: boolean
  /** Words of the longest row that is nothing but words in small letters. */
  readonly bareWords: number
  /** Where pieces of text of eight characters and more begin and end, by turns. */
  readonly long: readonly number[]
}

const [OTHER, SMALL, UPPER, GAP, BLANK, SPACE, FAR_SPACE] = [0, 1, 2, 3, 4, 5, 6]
/** Letters of tongues that have a model stand below. */
const BARE_BELOW = 0x600
let sorts: Uint8Array | undefined

/** What each character is, of all the kinds that tests ask for. Made when the first asks, or when the doors are open: a start does not wait for it. */
export function makeSorts(): Uint8Array {
  sorts ??= Uint8Array.from({ length: 65536 }, (_, code) => sortOf(code))
  return sorts
}

function sortOf(code: number): number {
  if (code === 32) return BLANK
  if (isSpace(code)) return code < BARE_BELOW ? SPACE : FAR_SPACE
  if (code >= BARE_BELOW) return OTHER
  const character = String.fromCharCode(code)
  if (/[.*_-]/.test(character)) return GAP
  if (/[A-Z]/.test(character)) return UPPER
  return /\p{Ll}/u.test(character) && letterNumber(code) !== 0 ? SMALL : OTHER
}

export function sampleOf(whole: string): Sample {
  const text = bothEnds(whole, MOST)
  const look = new Looking(codesOf(text), text.length)
  look.through()
  return {
    text,
    beyondAscii: look.all > 0x7f,
    beyondLatin1: look.all > 0xff,
    upper: look.upper,
    small: look.small,
    rows: look.rows,
    spacedOut: look.spacedOut,
    bareWords: look.bareWords,
    long: look.long,
  }
}

class Looking {
  readonly #sorts = makeSorts()
  readonly #codes: Uint16Array
  readonly #length: number
  /** Bits of all characters. */
  all = 0
  upper = 0
  small = 0
  rows = 0
  spacedOut = false
  bareWords = 0
  readonly long: number[] = []
  #pieces = 0
  // The row of single letters at hand.
  #lastGap = -2
  #gap = 0
  #gaps = 0
  // The bare run at hand.
  #words = 0
  #letters = 0
  #between = 0
  #spoilt = false

  constructor(codes: Uint16Array, length: number) {
    this.#codes = codes
    this.#length = length
  }

  through(): void {
    const [codes, sorts] = [this.#codes, this.#sorts]
    const length = this.#length
    let all = 0
    let start = 0
    let shout = 0
    for (let at = 0; at < length; at++) {
      const code = codes[at]!
      const sort = sorts[code]!
      all |= code
      if (sort === SMALL) {
        const from = at
        while (at + 1 < length && sorts[codes[at + 1]!] === SMALL) all |= codes[++at]!
        this.#letters += at + 1 - from
        this.#between = 0
        shout = 0
        if (from < ENOUGH_TO_HEAR) this.small += Math.min(at + 1, ENOUGH_TO_HEAR) - from
        continue
      }
      if (sort !== UPPER) shout = 0
      else if (at < ENOUGH_TO_HEAR) {
        this.upper++
        if (++shout === 2) this.rows++
      }
      if (sort === BLANK || sort === GAP) this.#gapAt(at, code)
      if (sort === BLANK || sort === SPACE) this.#bareSpace()
      else this.#bareEnd(true)
      if (sort >= BLANK) {
        if (at - start >= LONG) this.#longPiece(start, at)
        start = at + 1
      }
    }
    if (length - start >= LONG) this.#longPiece(start, length)
    if (this.#letters >= LEAST_LETTERS && !this.#spoilt) this.#words++
    this.#bareEnd(false)
    this.all = all
  }

  #gapAt(at: number, code: number): void {
    const goesOn =
      at - this.#lastGap === 2 &&
      code === this.#gap &&
      isLetter(this.#sorts[this.#codes[at - 1]!]!, this.#codes[at - 1]!)
    this.#gaps = goesOn ? this.#gaps + 1 : 1
    if (this.#gaps === LEAST_GAPS) this.spacedOut = true
    this.#gap = code
    this.#lastGap = at
  }

  #bareSpace(): void {
    if (this.#spoilt || !(this.#letters >= LEAST_LETTERS || (this.#letters === 0 && this.#between < MOST_GAP))) {
      this.#bareEnd(false)
      return
    }
    if (this.#letters > 0) this.#words++
    this.#between++
    this.#letters = 0
  }

  #bareEnd(spoilt: boolean): void {
    if (this.#words > this.bareWords) this.bareWords = this.#words
    this.#words = 0
    this.#letters = 0
    this.#between = 0
    this.#spoilt = spoilt
  }

  #longPiece(start: number, end: number): void {
    if (++this.#pieces <= MOST_PIECES) this.long.push(start, end)
  }
}

/** Or what may be one beyond ASCII. */
function isLetter(sort: number, code: number): boolean {
  return sort === SMALL || sort === UPPER || (code > 127 && sort === OTHER)
}
