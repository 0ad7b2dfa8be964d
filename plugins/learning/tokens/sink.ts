/**
 * Where tokens go on their way out of a mail: each as the number it is, with the place in the text it was made of. Most of the time only the numbers
 * are wanted; names are asked for those few that are shown to people.
 */
import { KINDS, type Kind, SPACE } from './kinds.js'

export interface Sink {
  /** `text.slice(from, to)` is what it stands for. */
  add(kind: number, hash: number, text: string, from: number, to: number): void
}

/** Distinct tokens by kind, in the order of `KINDS`; each list ascending. */
export type Tokens = readonly Uint32Array[]

/** As places in `KINDS`: the hot loops know no names. */
export const AT = Object.fromEntries(KINDS.map((kind, at) => [kind, at])) as Readonly<Record<Kind, number>>

/** Of one kind. What is read of a mail is bounded, so this is hardly reached. */
const MOST = 8000

/** One at a time: collecting never waits, so the marks are shared. */
const marks = new Uint32Array(SPACE)
let round = 0

export class Collecting implements Sink {
  readonly #lists: number[][] = KINDS.map(() => [])
  readonly #round: number

  constructor() {
    if (round >= 0xffff_ffff) {
      marks.fill(0)
      round = 0
    }
    this.#round = ++round
  }

  /** A number that two kinds share counts for the first. */
  add(kind: number, hash: number): void {
    if (marks[hash] === this.#round) return
    const list = this.#lists[kind]!
    if (list.length >= MOST) return
    marks[hash] = this.#round
    list.push(hash)
  }

  tokens(): Tokens {
    return this.#lists.map(list => Uint32Array.from(list).sort())
  }
}

/** Finds out what some tokens stood for. */
export class Naming implements Sink {
  readonly names = new Map<number, { readonly kind: Kind; readonly text: string }>()
  readonly #wanted: ReadonlySet<number>

  constructor(wanted: ReadonlySet<number>) {
    this.#wanted = wanted
  }

  add(kind: number, hash: number, text: string, from: number, to: number): void {
    if (!this.#wanted.has(hash) || this.names.has(hash)) return
    this.names.set(hash, { kind: KINDS[kind]!, text: text.slice(from, to) })
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
