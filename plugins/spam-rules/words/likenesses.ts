/**
 * Which tokens cannot be a word of a rule in disguise, told by a hash of their letters as `canonical` and `squeezed` have them, and which are such a word
 * in plain clothes: nearly every honest "letter", "e-mail" and address is let go here, without a piece of text being made of it. Says yes where it does not know.
 */
import { SIGNS } from './confusables.js'

const WORD = 1
const START = 2
const SQUEEZED = 4
const SLOTS = 1 << 16
const I = 105
const L = 108
const V = 118
const W = 119

/** What of an address or of code: who reads tokens leaves those alone. */
const ADDRESS = 1
/** What may join two words that are read apart. */
const JOINER = 2
const ABOVE_SORTS = 96
/** ASCII → the letter it is or stands for, one of the sorts above, or 0: it parts letters. */
const MEANT = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[a-z]/i.test(character)) return code | 32
  if (/[=%?#\\{}<>[\]~^]/.test(character)) return ADDRESS
  return /[&,;/+]/.test(character) ? JOINER : (SIGNS.get(character)?.charCodeAt(0) ?? 0)
})
const BEFORE = marksOf(`"'(<[{*_.,:;|!+-`)
const BEHIND = marksOf(`"')>]}*_.,:;?|+-`)
const IN_WORD = marksOf('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz')
const SHOUT = 33
/** What V8 keeps as it is and not in a box. */
const THIRTY_BITS = 0x3fffffff
const SLASH = 47
const DOT = 46
const AT = 64
/** As short as the start of a word may be (vocabulary.ts). */
const SHORTEST_START = 6
/** Longer tokens are not read. */
const letters = new Uint8Array(128)

export class Likenesses {
  readonly #marks = new Uint8Array(SLOTS)
  /** Words as they are, and what words begin with, by a hash of thirty bits. */
  readonly #plain = new Set<number>()
  readonly #plainStarts = new Set<number>()

  addWord(word: string, canonical: string): void {
    this.#add(canonical, WORD)
    this.#plain.add(plainHash(word))
  }

  addSqueezed(squeezed: string): void {
    this.#add(squeezed, SQUEEZED)
  }

  /** Of any word that begins so. */
  addStart(start: string, canonical: string): void {
    this.#add(canonical, START)
    this.#plainStarts.add(plainHash(start)).add(plainHash(canonical))
  }

  mayHave(codes: Uint16Array, start: number, end: number): boolean {
    let [from, to] = [start, end]
    while (to > from && codes[to - 1] === SHOUT) to--
    while (from < to && BEFORE[codes[from]!] === 1) from++
    while (to > from && BEHIND[codes[to - 1]!] === 1) to--
    if (to - from > letters.length) return true
    let count = 0
    let joined = 0
    let slashes = 0
    // Letters that stand for themselves.
    let same = 0
    for (let at = from; at < to; at++) {
      const code = codes[at]!
      if (code > 127) return true
      const meant = MEANT[code]!
      if (meant > ABOVE_SORTS) {
        if (code === AT && isAddress(codes, from, at, to)) return false
        letters[count++] = meant
        if (meant === (code | 32)) same++
      } else if (meant === ADDRESS) return false
      else if (meant === JOINER) {
        joined++
        // Two are in addresses and paths.
        if (code === SLASH && ++slashes === 2) return false
      }
    }
    return joined > 0 || (this.#has(count) && !(same === to - from && this.#isPlain(count)))
  }

  /** Of so many letters. */
  #has(count: number): boolean {
    const marks = this.#marks
    let hash = 0
    let single = 0
    let last = 0
    for (let at = 0; at < count; at++) {
      let like = letters[at]!
      if (like === L) like = I
      else if (like === V && at + 1 < count && letters[at + 1] === V) {
        like = W
        at++
      }
      hash = next(hash, like)
      if ((marks[slot(hash)]! & START) !== 0) return true
      if (like !== last) single = next(single, like)
      last = like
    }
    return (marks[slot(hash)]! & WORD) !== 0 || (marks[slot(single)]! & SQUEEZED) !== 0
  }

  #isPlain(count: number): boolean {
    let hash = 0
    for (let at = 0; at < count; at++) {
      hash = next(hash, letters[at]!)
      if (at >= SHORTEST_START - 1 && this.#plainStarts.has(hash & THIRTY_BITS)) return true
    }
    return this.#plain.has(hash & THIRTY_BITS)
  }

  #add(row: string, mark: number): void {
    let hash = 0
    for (let at = 0; at < row.length; at++) hash = next(hash, row.charCodeAt(at))
    this.#marks[slot(hash)]! |= mark
  }
}

function plainHash(word: string): number {
  let hash = 0
  for (let at = 0; at < word.length; at++) hash = next(hash, word.charCodeAt(at))
  return hash & THIRTY_BITS
}

/** "@" with something before it, and a dot with more behind. */
function isAddress(codes: Uint16Array, from: number, sign: number, to: number): boolean {
  if (sign === from || codes[sign - 1] === AT) return false
  for (let at = sign + 2; at + 1 < to && codes[at - 1] !== AT; at++)
    if (codes[at] === DOT && IN_WORD[codes[at + 1]!] === 1) return true
  return false
}

function next(hash: number, letter: number): number {
  return (Math.imul(hash, 31) + letter) | 0
}

function slot(hash: number): number {
  return (hash ^ (hash >>> 16)) & (SLOTS - 1)
}

function marksOf(characters: string): Uint8Array {
  const marks = new Uint8Array(65536)
  for (const character of characters) marks[character.charCodeAt(0)] = 1
  return marks
}
