/**
 * Aho-Corasick: finds all of thousands of phrases in one pass over a text, whatever their number. The table is complete (no
 * failure links are followed while searching), over the few characters that phrases use.
 */

export class Automaton {
  /** Character → column; 0 is any character that no phrase uses. */
  readonly #columns = new Uint16Array(65536)
  readonly #width: number
  #next: Int32Array
  /** State → index into `#outputs`, or 0. */
  readonly #firstOutput: Int32Array
  /** Nearest state behind that ends a phrase. */
  readonly #outputLink: Int32Array
  readonly #ends: readonly (readonly number[])[]

  /** Phrases get their index as number. Empty phrases never match. */
  constructor(phrases: readonly string[]) {
    let columns = 1
    let most = 1
    for (const phrase of phrases) {
      most += phrase.length
      for (let at = 0; at < phrase.length; at++) {
        const code = phrase.charCodeAt(at)
        if (this.#columns[code] === 0) this.#columns[code] = columns++
      }
    }
    this.#width = columns
    this.#next = new Int32Array(most * columns)
    const ends: number[][] = [[]]
    const states = this.#insert(phrases, ends)
    this.#next = this.#next.slice(0, states * columns)
    this.#firstOutput = new Int32Array(states)
    this.#outputLink = new Int32Array(states)
    for (let state = 0; state < states; state++) this.#firstOutput[state] = ends[state]!.length > 0 ? 1 : 0
    this.#ends = ends
    this.#link(states)
  }

  /** Adds the numbers of all phrases in `text` to `found`. */
  search(text: string, found: Set<number>): void {
    const columns = this.#columns
    const next = this.#next
    const width = this.#width
    let state = 0
    for (let at = 0; at < text.length; at++) {
      state = next[state * width + columns[text.charCodeAt(at)]!]!
      if (this.#firstOutput[state] === 0) continue
      this.#collect(state, found)
    }
  }

  #collect(from: number, found: Set<number>): void {
    let state = from
    do {
      for (const phrase of this.#ends[state]!) found.add(phrase)
      state = this.#outputLink[state]!
    } while (state !== 0)
  }

  #insert(phrases: readonly string[], ends: number[][]): number {
    let states = 1
    phrases.forEach((phrase, number) => {
      if (phrase === '') return
      let state = 0
      for (let at = 0; at < phrase.length; at++) {
        const cell = state * this.#width + this.#columns[phrase.charCodeAt(at)]!
        if (this.#next[cell] === 0) {
          this.#next[cell] = states++
          ends.push([])
        }
        state = this.#next[cell]!
      }
      ends[state]!.push(number)
    })
    return states
  }

  /** Breadth first: fills the missing cells with what the longest proper suffix would do. */
  #link(states: number): void {
    const failure = new Int32Array(states)
    const queue = new Int32Array(states)
    let head = 0
    let tail = 0
    for (let column = 0; column < this.#width; column++) {
      const child = this.#next[column]!
      if (child !== 0) queue[tail++] = child
    }
    while (head < tail) {
      const state = queue[head++]!
      const behind = failure[state]!
      const ends = this.#ends[behind]!.length > 0
      this.#outputLink[state] = ends ? behind : this.#outputLink[behind]!
      if (this.#outputLink[state] !== 0) this.#firstOutput[state] = 1
      for (let column = 0; column < this.#width; column++) {
        const cell = state * this.#width + column
        const fallback = this.#next[behind * this.#width + column]!
        const child = this.#next[cell]!
        if (child === 0) this.#next[cell] = fallback
        else {
          failure[child] = fallback
          queue[tail++] = child
        }
      }
    }
  }
}
