/**
 * Where tokens go on their way out of a mail: each as the number it is, with the place in the text it was made of. The numbers are what is reckoned with;
 * the places are for the few tokens that are shown to people.
 */
import { codesOf } from 'posthouse/text'
import { KINDS, type Kind, SPACE } from './kinds.js'

/** Distinct tokens by kind, in the order of `KINDS`. */
export type Tokens = readonly Uint32Array[]

/** As places in `KINDS`: the hot loops know no names. */
export const AT = Object.fromEntries(KINDS.map((kind, at) => [kind, at])) as Readonly<Record<Kind, number>>

export interface Name {
  readonly kind: Kind
  readonly text: string
}

/** Of one kind. What is read of a mail is bounded, so this is hardly reached. */
const MOST = 6500

/**
 * Collecting never waits, so there is only one at a time: its marks and its room are shared. Marks of one octet each are wiped now and then, and stay near:
 * tokens lie anywhere in them.
 */
const marks = new Uint8Array(SPACE)
const ROUNDS = 255
let round = 0

/** By kind: tokens, and for each the number of its text and where it stands there. */
interface Found {
  readonly tokens: Uint32Array
  readonly places: Int32Array
}

const PLACE = 3
const room: readonly Found[] = KINDS.map(() => ({
  tokens: new Uint32Array(MOST),
  places: new Int32Array(MOST * PLACE),
}))

export class Sink {
  readonly #texts: string[] = []
  readonly #counts = new Int32Array(KINDS.length)
  readonly #round: number
  #found: readonly Found[] = []
  #last = ''

  constructor() {
    if (round >= ROUNDS) {
      marks.fill(0)
      round = 0
    }
    this.#round = ++round
  }

  /** `text.slice(from, to)` is what it stands for. A number that two kinds share counts for the first. */
  add(kind: number, token: number, text: string, from: number, to: number): void {
    const count = this.#counts[kind]!
    if (marks[token] === this.#round || count >= MOST) return
    marks[token] = this.#round
    const { tokens, places } = room[kind]!
    tokens[count] = token
    places[count * PLACE] = this.#textAt(text)
    places[count * PLACE + 1] = from
    places[count * PLACE + 2] = to
    this.#counts[kind] = count + 1
  }

  /** Every piece of `piece` characters. */
  addPieces(kind: number, text: string, piece: number): void {
    const codes = codesOf(text)
    const { tokens, places } = room[kind]!
    const own = this.#round
    const textAt = this.#textAt(text)
    let count = this.#counts[kind]!
    for (let at = 0; at + piece <= text.length && count < MOST; at++) {
      let hash = 0x3c6ef372
      for (let next = at; next < at + piece; next++) hash = Math.imul(hash ^ codes[next]!, 0x01000193)
      const token = mixed(hash) & (SPACE - 1)
      if (marks[token] === own) continue
      marks[token] = own
      tokens[count] = token
      places[count * PLACE] = textAt
      places[count * PLACE + 1] = at
      places[count * PLACE + 2] = at + piece
      count++
    }
    this.#counts[kind] = count
  }

  /** Ends the collecting. `passing`: they are good until the next collecting begins, and cost no copy. */
  tokens(passing = false): Tokens {
    this.#found = room.map(({ tokens, places }, kind) => {
      const count = this.#counts[kind]!
      return passing
        ? { tokens: tokens.subarray(0, count), places: places.subarray(0, count * PLACE) }
        : { tokens: tokens.slice(0, count), places: places.slice(0, count * PLACE) }
    })
    return this.#found.map(({ tokens }) => tokens)
  }

  /** How many of a kind were found before this place in their text, when they all are of one. */
  before(kind: number, place: number): number {
    const { places } = this.#found[kind]!
    let [low, high] = [0, places.length / PLACE]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (places[middle * PLACE + 2]! <= place) low = middle + 1
      else high = middle
    }
    return low
  }

  #textAt(text: string): number {
    if (text !== this.#last) {
      this.#texts.push(text)
      this.#last = text
    }
    return this.#texts.length - 1
  }

  /** What a token of this mail stands for; the first use of it. */
  nameOf(kind: number, token: number): Name | undefined {
    const { tokens, places } = this.#found[kind]!
    const at = tokens.indexOf(token)
    if (at < 0) return undefined
    const text = this.#texts[places[at * PLACE]!]!
    return { kind: KINDS[kind]!, text: text.slice(places[at * PLACE + 1], places[at * PLACE + 2]) }
  }
}

export function mixed(hash: number): number {
  let x = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39)
  return x ^ (x >>> 15)
}

/** A fact as a token: `whole` is what it is called. */
export function addWhole(sink: Sink, kind: number, whole: string): void {
  let hash = Math.imul(kind + 1, 0x9e3779b1)
  for (let at = 0; at < whole.length; at++) hash = Math.imul(hash ^ whole.charCodeAt(at), 0x01000193)
  sink.add(kind, mixed(hash) & (SPACE - 1), whole, 0, whole.length)
}
