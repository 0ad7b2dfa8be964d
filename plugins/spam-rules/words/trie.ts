/**
 * Finds tens of thousands of phrases in one walk over folded text. Phrases begin where words begin, so a trie that is entered at every
 * word start needs no failure links, and leaves most words after three characters. States are numbered breadth first: the children of a
 * state lie side by side, and a state costs ten octets instead of a row of a table. No walk is longer than a phrase (`LONGEST_PHRASE`).
 */
import { codesOf } from 'posthouse/text'
import type { Folded } from './fold.js'

/** What bounds the walks: a hostile text of one repeated word is walked so many times at most. */
export const LONGEST_PHRASE = 100

/** Called with the phrase's number and where it lies in the text, `end` not included. */
export type OnFound = (phrase: number, start: number, end: number) => void

const MARKED = 4
const MARKS = 65536
const SHORT = 1
/** It is a phrase by itself. */
const ALONE = 2

export class Trie {
  /** The state a first character leads to. */
  readonly #roots = new Uint32Array(65536)
  /** The state two first characters lead to, of ASCII: most words are let go here. */
  readonly #pairs = new Uint32Array(128 * 128)
  /** A bit for each four characters that a phrase begins with, small enough to stay near: nearly all words are let go here. */
  readonly #marks = new Uint32Array(MARKS / 32)
  /** What phrases of fewer characters begin with, of ASCII: anything may follow them. */
  readonly #short = new Uint8Array(128)
  /** State → twice its first child, and one more where a phrase ends; that of the next state is where its children end. */
  readonly #children: Uint32Array
  readonly #labels: Uint16Array
  /** State → number of the phrase that ends there + 1. */
  readonly #phrase: Uint32Array

  /** Phrases as `foldPhrase` gives them, each with its number; the same phrase twice keeps the last number. */
  constructor(phrases: readonly string[]) {
    const order = [...phrases.keys()]
      .filter(number => phrases[number] !== '')
      .sort((a, b) => (phrases[a]! < phrases[b]! ? -1 : phrases[a]! > phrases[b]! ? 1 : a - b))
    const sorted = order.map(number => phrases[number]!)
    const most = 2 + sorted.reduce((sum, phrase, at) => sum + phrase.length - shared(phrase, sorted[at - 1] ?? ''), 0)
    this.#children = new Uint32Array(most + 1)
    this.#labels = new Uint16Array(most)
    this.#phrase = new Uint32Array(most)
    this.#build(sorted, order)
    // What is asked of every state stands together: a step is a look at one place in memory and not two.
    for (let state = 0; state <= most; state++)
      this.#children[state] = this.#children[state]! * 2 + (this.#phrase[state] ? 1 : 0)
    this.#pair()
    for (const phrase of sorted) this.#mark(phrase)
  }

  /** Octets the tables take. */
  get bytes(): number {
    return this.#roots.byteLength + this.#children.byteLength + this.#labels.byteLength + this.#phrase.byteLength
  }

  search({ codes, starts }: Folded, found: OnFound): void {
    const roots = this.#roots
    const pairs = this.#pairs
    const marks = this.#marks
    const short = this.#short
    for (let word = 0; word < starts.length; word++) {
      const at = starts[word]!
      const code = codes[at]!
      // Behind the last character there is a space.
      const next = codes[at + 1]!
      if (code < 128 && next < 128 && short[code]! < ALONE) {
        if (short[code] === 0) {
          const hash = hashOf(codes, at)
          if (((marks[hash >>> 5]! >>> (hash & 31)) & 1) === 0) continue
        }
        const state = pairs[(code << 7) | next]!
        if (state !== 0) this.#walk(codes, at, at + 2, state, found)
      } else {
        const state = roots[code]!
        if (state !== 0) this.#walk(codes, at, at + 1, state, found)
      }
    }
  }

  /** Follows the text from a word start as far as any phrase goes. */
  #walk(codes: Uint16Array, start: number, from: number, first: number, found: OnFound): void {
    const children = this.#children
    let state = first
    let at = from
    while (true) {
      if ((children[state]! & 1) !== 0) found(this.#phrase[state]! - 1, start, at)
      if (at >= codes.length) return
      state = this.#child(state, codes[at]!)
      if (state === 0) return
      at++
    }
  }

  #child(state: number, label: number): number {
    const labels = this.#labels
    let low = this.#children[state]! >>> 1
    let high = this.#children[state + 1]! >>> 1
    // Most states have one child or none; halving pays for the few near the root.
    while (high - low > 4) {
      const middle = (low + high) >>> 1
      if (labels[middle]! <= label) low = middle
      else high = middle
    }
    for (; low < high; low++) if (labels[low] === label) return low
    return 0
  }

  #mark(phrase: string): void {
    const first = phrase.charCodeAt(0)
    if (phrase.length < MARKED) {
      if (first < 128) this.#short[first]! |= phrase.length === 1 ? ALONE : SHORT
      return
    }
    const hash = hashOf(codesOf(phrase), 0)
    this.#marks[hash >>> 5]! |= 1 << (hash & 31)
  }

  #pair(): void {
    for (let first = 0; first < 128; first++) {
      const state = this.#roots[first]!
      if (state === 0) continue
      for (let second = 0; second < 128; second++) this.#pairs[(first << 7) | second] = this.#child(state, second)
    }
  }

  /** Breadth first over ranges of the sorted phrases: those of a range have the characters up to `depth` in common. */
  #build(sorted: readonly string[], order: readonly number[]): void {
    // State 0 is "nowhere", 1 the root.
    let ranges: readonly (readonly [from: number, to: number])[] = [[0, sorted.length]]
    let state = 1
    let next = 2
    for (let depth = 0; ranges.length > 0; depth++) {
      const below: [number, number][] = []
      for (const [from, to] of ranges) {
        this.#children[state] = next
        let at = from
        while (at < to && sorted[at]!.length === depth) this.#phrase[state] = order[at++]! + 1
        while (at < to) {
          const label = sorted[at]!.charCodeAt(depth)
          const begin = at
          while (at < to && sorted[at]!.charCodeAt(depth) === label) at++
          this.#labels[next] = label
          if (depth === 0) this.#roots[label] = next
          below.push([begin, at])
          next++
        }
        state++
      }
      ranges = below
    }
    this.#children[state] = next
  }
}

/** Beyond the end there is nothing, which no phrase has. */
function hashOf(codes: Uint16Array, at: number): number {
  if (at + MARKED > codes.length) return 0
  return (codes[at]! * 29791 + codes[at + 1]! * 961 + codes[at + 2]! * 31 + codes[at + 3]!) & 0xffff
}

function shared(a: string, b: string): number {
  let length = 0
  while (length < a.length && length < b.length && a[length] === b[length]) length++
  return length
}
