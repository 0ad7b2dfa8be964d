/**
 * Decides whether a regular expression of a rule or an alias may run on mail. V8 backtracks: a pattern such as `(a+)+$` takes minutes on a
 * line made for it. So what a pattern may cost per place it starts at is reckoned from its repeats. Of shipped ones the worst are refused, and
 * the rest have been looked at by somebody; of an admin's only those that are cheap whatever they are put to run beside everything else
 * (guard.ts). Pure; knows nothing of rules.
 */

/** What one start may cost, in steps. */
export const PATTERN_LIMITS = {
  /** Fields are cut to a thousand characters, so a `.*` or two are affordable. */
  field: { input: 1000, steps: 1_100_000 },
  /** Up to 256 K characters: every repeat needs a bound. */
  text: { input: 256 * 1024, steps: 2_000 },
  /** The whole address, from its beginning to its end. */
  address: { input: 320, steps: 500_000 },
} as const

/** What one pattern of an admin's may cost in all, in characters looked at: some ten milliseconds at worst. */
const CHEAP = { field: 200_000, text: 6_000_000, address: 200_000 } as const

export type PatternUse = keyof typeof PATTERN_LIMITS

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
export function compilePattern(source: string): RegExp {
  return new RegExp(source, NEEDS_UNICODE.test(source) ? 'iu' : 'i')
}

// Properties, code points by number, and characters that are two units without the flag.
const NEEDS_UNICODE = /\\[pP]\{|\\u\{|[\ud800-\udfff]/

/** A sentence saying why the pattern cannot be trusted to come to an end soon, or `undefined`. */
export function refusePattern(source: string, use: PatternUse): string | undefined {
  const wrong = notAPattern(source)
  if (wrong !== undefined) return wrong
  const { input, steps } = PATTERN_LIMITS[use]
  const reader = new CostReader(source, input)
  const { ways } = reader.alternatives()
  if (reader.refused !== undefined) return reader.refused
  const starts = /^\^/.test(source) && !/(^|[^\\])\|/.test(source) ? 1 : use === 'field' ? input : 1
  if (ways * starts <= steps) return undefined
  if (use === 'text') return 'too costly on long texts: give every repeat a small bound, as {0,20} in place of *'
  return use === 'field' ? 'too costly: fewer open repeats, or begin with ^' : 'too costly: fewer open repeats'
}

/** It cannot take long, whatever text is made for it. */
export function isCheap(source: string, use: PatternUse): boolean {
  const { input } = PATTERN_LIMITS[use]
  const reader = new CostReader(source, input)
  const { ways, length } = reader.alternatives()
  if (reader.refused !== undefined) return false
  return (ways * length * input) / beginningOf(source) <= CHEAP[use]
}

/** How many plain characters it begins with: it can start at one in so many places. */
function beginningOf(source: string): number {
  const plain = /^(?:\\b)?([\p{L}\p{N} <>=@#%&;:"'!,/-]+)([*+?{]?)/u.exec(source)
  if (plain === null || hasAlternatives(source)) return 1
  return Math.max(1, plain[1]!.length - (plain[2] === '' ? 0 : 1))
}

/** Outside of groups. */
function hasAlternatives(source: string): boolean {
  let depth = 0
  let inClass = false
  for (let at = 0; at < source.length; at++) {
    const character = source[at]
    if (character === '\\') at++
    else if (inClass) inClass = character !== ']'
    else if (character === '[') inClass = true
    else if (character === '(') depth++
    else if (character === ')') depth--
    else if (character === '|' && depth === 0) return true
  }
  return false
}

interface Cost {
  /** In how many ways it can match from one start. */
  readonly ways: number
  /** How many characters it looks at on one way. */
  readonly length: number
}

const MOST = Number.MAX_SAFE_INTEGER
const ONE: Cost = { ways: 1, length: 1 }

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

  alternatives(): Cost {
    let { ways, length } = this.#sequence()
    while (this.#source[this.#at] === '|') {
      this.#at++
      const other = this.#sequence()
      ways += other.ways
      length = Math.max(length, other.length)
    }
    return { ways, length }
  }

  #sequence(): Cost {
    let [ways, length] = [1, 0]
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!)) {
      const next = this.#repeated()
      ways = Math.min(ways * next.ways, MOST)
      length = Math.min(length + next.length, MOST)
    }
    return { ways, length }
  }

  #repeated(): Cost {
    const start = this.#at
    const inner = this.#atom()
    const repeat = this.#repeat()
    if (repeat === undefined) return inner
    const [least, most] = repeat
    if (inner.ways > 1 && most > 20) {
      this.refused ??= `a repeat within a repeat ("${this.#source.slice(start, this.#at)}") can take for ever`
    }
    const ways = inner.ways > 1 ? Math.min(inner.ways ** Math.min(most, 20), MOST) : most - least + 1
    return { ways, length: Math.min(inner.length * most, MOST) }
  }

  /** One character, class or group; how many ways it can match. */
  #atom(): Cost {
    const character = this.#source[this.#at++]
    if (character === '\\') {
      this.#escape()
      return ONE
    }
    if (character === '[') {
      while (this.#source[this.#at] !== ']') this.#at += this.#source[this.#at] === '\\' ? 2 : 1
      this.#at++
      return ONE
    }
    if (character !== '(') return ONE
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
