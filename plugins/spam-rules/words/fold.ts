/**
 * Text made comparable: one case, no accents, words parted by single spaces and a space at both ends. Phrases and messages go
 * through the same door, so that both come out alike. What is beyond ASCII is folded run by run, and runs come again: they are
 * remembered. Scripts without spaces between words (Han, kana, Thai …) keep their rows whole, apart from their neighbours.
 */
import { codesOf } from 'posthouse/text'

const SPACE = 32
const NO_CHARACTER = 0
/** ASCII → what becomes of it: itself in small, a gap between words, or nothing. What means something in spam besides letters and digits: money, shares. */
const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code).toLowerCase()
  return /[a-z0-9$%]/.test(character) ? character.charCodeAt(0) : /['`]/.test(character) ? NO_CHARACTER : SPACE
})
const GAPS = /[^\p{L}\p{N}\p{M}$%€£¥₿]+/gu
/** Accents and points, but no vowel signs: those of Indian and Thai script are letters to their readers. */
const MARKS = new RegExp(
  `[${['\\u0300-\\u036f', '\\u0483-\\u0489', '\\u0591-\\u05c7', '\\u0610-\\u061a', '\\u064b-\\u065f', '\\u06d6-\\u06ed'].join('')}` +
    `${['\\u1ab0-\\u1aff', '\\u1dc0-\\u1dff', '\\u20d0-\\u20ff', '\\ufe20-\\ufe2f'].join('')}]+`,
  'g',
)
/** Nothing to see: zero width, joiners, direction, soft hyphen, variation, byte order. And what stands for an apostrophe. */
const NOTHING = /[\p{Default_Ignorable_Code_Point}\u2018\u2019\u02bc\u00b4]+/gu
/** One character for a whole Arabic blessing, 18 and 8 when taken apart: a text of them would grow to as many times its length. */
const BLESSINGS = /[\ufdfa\ufdfb]+/g
const LETTERS: ReadonlyMap<string, string> = new Map(
  Object.entries({ ß: 'ss', ı: 'i', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', æ: 'ae', œ: 'oe' }),
)
const SPECIAL = /[ßıøłđðþæœ]/g
const UNSPACED_ROW =
  /(?:[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u31ff\u3400-\ua4cf\uf900-\ufaff]|[\ud840-\ud888][\udc00-\udfff])+/g
const REMEMBERED = 20_000
/** Room for most texts, taken once. */
const USUAL = 64 * 1024
/** Longer runs hardly come twice. */
const LONGEST_REMEMBERED = 12

const known = new Map<string, string>()

/** A folded text, by the numbers of its characters. */
export class Folded {
  readonly codes: Uint16Array
  /** Where words begin, in order; every character that is written without spaces is one. */
  readonly starts: Uint32Array
  #octets: Buffer | undefined
  #text: string | undefined

  constructor(codes: Uint16Array, starts: Uint32Array) {
    this.codes = codes
    this.starts = starts
  }

  get text(): string {
    this.#text ??= this.part(0, this.codes.length)
    return this.#text
  }

  /** [from, to) of it. */
  part(from: number, to: number): string {
    const { buffer, byteOffset, byteLength } = this.codes
    this.#octets ??= Buffer.from(buffer, byteOffset, byteLength)
    return this.#octets.toString('utf16le', from * 2, to * 2)
  }
}

/** Writes a folded text piece by piece, in memory that is taken once. One for all: nothing waits while it writes. */
class FoldWriter {
  #codes = new Uint16Array(USUAL)
  #starts = new Uint32Array(USUAL)
  #to = 0
  #words = 0
  /** What comes next is where a word begins. */
  #fresh = true
  /** Whether it was before the last space, which may go again. */
  #freshBefore = true

  begin(): this {
    this.#codes[0] = SPACE
    this.#to = 1
    this.#words = 0
    this.#fresh = true
    this.#freshBefore = true
    return this
  }

  get length(): number {
    return this.#to
  }

  /** [from, to) of a text, whose characters are `codes`. */
  fold(text: string, codes: Uint16Array, from: number, to: number): void {
    this.#makeRoom(to - from)
    for (let at = from; at < to; ) {
      at = this.#ascii(codes, at, to)
      if (at === to) break
      const start = at
      while (at < to && codes[at]! > 127) at++
      const folded = foldedRun(text.slice(start, at))
      this.#makeRoom(folded.length + to - at)
      for (let i = 0; i < folded.length; i++) this.#one(folded.charCodeAt(i))
    }
  }

  /** A word as it is. */
  word(folded: string): void {
    this.#makeRoom(folded.length)
    this.space()
    for (let i = 0; i < folded.length; i++) this.#put(folded.charCodeAt(i))
    this.space()
  }

  space(): void {
    if (this.#codes[this.#to - 1] !== SPACE) this.#gap()
  }

  end(): Folded {
    this.space()
    // A text without words is the two ends.
    if (this.#to === 1) this.#codes[this.#to++] = SPACE
    return new Folded(this.#codes.slice(0, this.#to), this.#starts.slice(0, this.#words))
  }

  /** Returns where ASCII ends. Nearly all of most texts. */
  #ascii(codes: Uint16Array, from: number, end: number): number {
    const into = this.#codes
    const starts = this.#starts
    let to = this.#to
    let words = this.#words
    let last = into[to - 1]!
    let fresh = this.#fresh
    let at = from
    for (; at < end; at++) {
      const code = codes[at]!
      if (code > 127) break
      const here = ASCII[code]!
      if (here > SPACE) {
        if (fresh) {
          starts[words++] = to
          fresh = false
        }
      } else {
        if (here === NO_CHARACTER || last === SPACE) continue
        this.#freshBefore = fresh
        fresh = true
      }
      into[to++] = here
      last = here
    }
    this.#to = to
    this.#words = words
    this.#fresh = fresh
    return at
  }

  #one(code: number): void {
    const here = code < 128 ? ASCII[code]! : code
    if (here === NO_CHARACTER) return
    if (here === SPACE) this.space()
    else this.#put(here)
  }

  #put(code: number): void {
    const into = this.#codes
    // "代 开 发 票": Chinese and Japanese have no spaces, so the one between two characters is dressing up, or a line's end.
    if (isEastern(code) && into[this.#to - 1] === SPACE && this.#to > 1 && isEastern(into[this.#to - 2]!)) {
      this.#to--
      this.#fresh = this.#freshBefore
    }
    if (this.#fresh) {
      this.#starts[this.#words++] = this.#to
      this.#fresh = isUnspaced(code)
    }
    into[this.#to++] = code
  }

  #gap(): void {
    this.#freshBefore = this.#fresh
    this.#fresh = true
    this.#codes[this.#to++] = SPACE
  }

  /** For so many more characters and the spaces around them. */
  #makeRoom(characters: number): void {
    const least = this.#to + characters + 2
    if (least <= this.#codes.length) return
    const [codes, starts] = [this.#codes, this.#starts]
    this.#codes = new Uint16Array(least * 2)
    this.#codes.set(codes)
    this.#starts = new Uint32Array(least * 2)
    this.#starts.set(starts)
  }
}

const writer = new FoldWriter()

/** `begin` it first; it is shared. */
export function foldWriter(): FoldWriter {
  return writer.begin()
}

export function foldWhole(text: string, codes = codesOf(text)): Folded {
  const into = writer.begin()
  into.fold(text, codes, 0, text.length)
  return into.end()
}

/** What comes out as it went in: nearly all of tens of thousands of phrases, which are folded at the start. */
const FOLDED = /^[a-z0-9$%]+(?: [a-z0-9$%]+)*$/

export function fold(text: string): string {
  return FOLDED.test(text) ? ` ${text} ` : foldWhole(text).text
}

/** Written without spaces between words: every character may begin a phrase. By number, for it is asked of every character. */
export function isUnspaced(code: number): boolean {
  if (code < 0x0e00 || (code >= 0xac00 && code < 0xd840)) return false
  return code <= 0x0eff || code >= 0x2e80 || (code >= 0x1000 && code <= 0x109f) || (code >= 0x1780 && code <= 0x17ff)
}

function isEastern(code: number): boolean {
  return (code >= 0x3040 && code <= 0x30ff) || (code >= 0x3400 && code <= 0x9fff)
}

/** A phrase as it is searched for in folded text. `pharmac*` matches the start of a word. */
export function foldPhrase(phrase: string): string {
  const open = phrase.endsWith('*')
  const folded = fold(open ? phrase.slice(0, -1) : phrase).trim()
  return open || folded === '' || isUnspaced(folded.charCodeAt(folded.length - 1)) ? folded : `${folded} `
}

function foldedRun(run: string): string {
  const there = known.get(run)
  if (there !== undefined) return there
  const folded = foldRun(run)
  if (run.length <= LONGEST_REMEMBERED) {
    if (known.size >= REMEMBERED) known.clear()
    known.set(run, folded)
  }
  return folded
}

function foldRun(run: string): string {
  // ŉ comes apart into an apostrophe and n, when those have been taken out already.
  const bare = run
    .toLowerCase()
    .replace(NOTHING, '')
    .replace(BLESSINGS, ' ')
    .replaceAll('ŉ', 'n')
    .normalize('NFKD')
    .replace(MARKS, '')
    .normalize('NFC')
    .toLowerCase()
  return bare
    .replace(SPECIAL, letter => LETTERS.get(letter)!)
    .replace(GAPS, ' ')
    .replace(UNSPACED_ROW, row => ` ${row} `)
}
