/**
 * Decides whether a regular expression of a rule may run on mail. V8 backtracks: a pattern such as `(a+)+$` takes minutes on a
 * line made for it. So what a pattern may cost per place it starts at is reckoned from its repeats, and costly ones are refused when
 * the rule is read. Pure; knows nothing of rules.
 */

/** What one start may cost, in steps. */
export const LIMITS = {
  /** Fields are cut to a thousand characters, so a `.*` or two are affordable. */
  field: { input: 1000, steps: 1_100_000 },
  /** Up to 256 K characters: every repeat needs a bound. */
  text: { input: 256 * 1024, steps: 2_000 },
} as const

export type PatternUse = keyof typeof LIMITS

/** A sentence saying what is wrong with its syntax, or `undefined`. */
export function notAPattern(source: string): string | undefined {
  try {
    new RegExp(source, 'iu')
    return undefined
  } catch (error) {
    return (error as Error).message.replace(/^Invalid regular expression: /, 'not a regular expression: ')
  }
}

/**
 * Case never matters. With the flag `u` that costs V8 ten to thirty times as much, so it is left out where nothing in the pattern asks for it;
 * what is not a pattern with it has been refused.
 */
export function compile(source: string): RegExp {
  return new RegExp(source, NEEDS_UNICODE.test(source) ? 'iu' : 'i')
}

// Properties, code points by number, and characters that are two units without the flag.
const NEEDS_UNICODE = /\\[pP]\{|\\u\{|[\ud800-\udfff]/

/** A sentence saying why the pattern cannot be trusted to come to an end soon, or `undefined`. */
export function refusePattern(source: string, use: PatternUse): string | undefined {
  const wrong = notAPattern(source)
  if (wrong !== undefined) return wrong
  const { input, steps } = LIMITS[use]
  const reader = new CostReader(source, input)
  const cost = reader.alternatives()
  if (reader.refused !== undefined) return reader.refused
  const starts = /^\^/.test(source) && !/(^|[^\\])\|/.test(source) ? 1 : use === 'field' ? input : 1
  if (cost * starts <= steps) return undefined
  return use === 'text'
    ? 'too costly on long texts: give every repeat a small bound, as {0,20} in place of *'
    : 'too costly: fewer open repeats, or begin with ^'
}

/** Reckons how many ways a pattern can match from one start; syntax has been checked. */
class CostReader {
  readonly #source: string
  readonly #input: number
  #at = 0
  refused: string | undefined

  constructor(source: string, input: number) {
    this.#source = source
    this.#input = input
  }

  alternatives(): number {
    let sum = this.#sequence()
    while (this.#source[this.#at] === '|') {
      this.#at++
      sum += this.#sequence()
    }
    return sum
  }

  #sequence(): number {
    let product = 1
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!)) {
      product = Math.min(product * this.#repeated(), Number.MAX_SAFE_INTEGER)
    }
    return product
  }

  #repeated(): number {
    const start = this.#at
    const inner = this.#atom()
    const repeat = this.#repeat()
    if (repeat === undefined) return inner
    const [least, most] = repeat
    if (inner > 1 && most > 20) {
      this.refused ??= `a repeat within a repeat ("${this.#source.slice(start, this.#at)}") can take for ever`
    }
    return inner > 1 ? Math.min(inner ** Math.min(most, 20), Number.MAX_SAFE_INTEGER) : most - least + 1
  }

  /** One character, class or group; how many ways it can match. */
  #atom(): number {
    const character = this.#source[this.#at++]
    if (character === '\\') {
      this.#escape()
      return 1
    }
    if (character === '[') {
      while (this.#source[this.#at] !== ']') this.#at += this.#source[this.#at] === '\\' ? 2 : 1
      this.#at++
      return 1
    }
    if (character !== '(') return 1
    const opening = /^\?(?:[:=!]|<[=!]|<[^>]+>)/.exec(this.#source.slice(this.#at))
    if (opening !== null) this.#at += opening[0].length
    const cost = this.alternatives()
    this.#at++
    return cost
  }

  #escape(): void {
    const long = /^(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[0-9a-f]{4}|x[0-9a-f]{2}|k<[^>]*>|.)/iu.exec(
      this.#source.slice(this.#at),
    )
    const [text] = long ?? ['']
    if (/^[1-9k]/.test(text)) this.refused ??= 'references to groups are not allowed'
    this.#at += text.length
  }

  #repeat(): readonly [least: number, most: number] | undefined {
    const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#source.slice(this.#at))
    if (found === null) return undefined
    this.#at += found[0].length
    const sign = found[0][0]
    if (sign === '?') return [0, 1]
    if (sign === '*' || sign === '+') return [0, this.#input]
    const least = Number(found[1])
    if (found[2] === '') return [least, least]
    return [least, found[3] === '' ? this.#input : Number(found[3])]
  }
}
