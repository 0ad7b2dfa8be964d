/**
 * Reads a line from left to right: `take` tries, `need` refuses with place and wish.
 * Every command reader is made of it, so a refusal always says what was expected and where (columns count from 1).
 */
export class ReadError extends Error {
  readonly column: number
  readonly expected: string

  constructor(column: number, expected: string) {
    super(`expected ${expected} at column ${column}`)
    this.name = 'ReadError'
    this.column = column
    this.expected = expected
  }

  /** The same with words behind it: what was probably meant. */
  with(words: string): this {
    this.message += words
    return this
  }
}

const stickies = new WeakMap<RegExp, RegExp>()

export class Reader {
  readonly #text: string
  #at: number

  constructor(text: string, offset = 0) {
    this.#text = text
    this.#at = offset
  }

  /** What matched at this place, or `undefined` and nothing is consumed. Strings match as they are, case and all. */
  take(pattern: RegExp | string): string | undefined {
    const found = this.#match(pattern)
    if (found !== undefined) this.#at += found.length
    return found
  }

  /** Like `take`, but insists; `wish` is a noun with its article: `a message number`. */
  need(pattern: RegExp | string, wish: string): string {
    const found = this.take(pattern)
    if (found === undefined) throw new ReadError(this.column, wish)
    return found
  }

  peek(pattern: RegExp | string): boolean {
    return this.#match(pattern) !== undefined
  }

  /** Nothing may follow. */
  end(): void {
    if (!this.atEnd) throw new ReadError(this.column, 'the end of the line')
  }

  get rest(): string {
    return this.#text.slice(this.#at)
  }

  get column(): number {
    return this.#at + 1
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  #match(pattern: RegExp | string): string | undefined {
    if (typeof pattern === 'string') return this.#text.startsWith(pattern, this.#at) ? pattern : undefined
    const sticky = stickyOf(pattern)
    sticky.lastIndex = this.#at
    return sticky.exec(this.#text)?.[0]
  }
}

/** Patterns are module constants, so each is compiled sticky once. */
function stickyOf(pattern: RegExp): RegExp {
  if (pattern.sticky) return pattern
  const known = stickies.get(pattern)
  if (known !== undefined) return known
  const sticky = new RegExp(pattern.source, `${pattern.flags.replace('g', '')}y`)
  stickies.set(pattern, sticky)
  return sticky
}
