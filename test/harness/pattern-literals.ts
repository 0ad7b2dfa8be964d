/** The regular expressions that stand in a source of ours, as far as they are written as such. Reads what biome has formatted, and no more of the language than that needs. */

export interface PatternLiteral {
  readonly line: number
  readonly source: string
  readonly flags: string
}

/** What may stand in front of a pattern although it is a word. */
const WORDS = new Set(
  'return typeof case in of do else void delete throw new instanceof yield await default'.split(' '),
)
const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$]*|\d[\w.]*/uy
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y
const STRING = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y
const PATTERN = /\/((?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([a-z]*)/y
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y
const SPACE = /\s+/y

export function patternLiterals(text: string): readonly PatternLiteral[] {
  const found: PatternLiteral[] = []
  // Of each open brace: whether it stands in a template, which goes on behind it.
  const braces: boolean[] = []
  let at = 0
  /** A value has just ended: what follows is a division. */
  let value = false
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const taken = pattern.exec(text)
    if (taken !== null) at = pattern.lastIndex
    return taken
  }
  const template = () => {
    take(TEMPLATE_TEXT)
    value = text[at] === '`'
    if (!value) braces.push(true)
    at += value ? 1 : 2
  }
  while (at < text.length) {
    if (take(SPACE) !== null || take(COMMENT) !== null) continue
    if (take(STRING) !== null) {
      value = true
      continue
    }
    const word = take(WORD)
    if (word !== null) {
      value = !WORDS.has(word[0])
      continue
    }
    const start = at
    const pattern = value ? null : take(PATTERN)
    if (pattern !== null) {
      found.push({ line: text.slice(0, start).split('\n').length, source: pattern[1]!, flags: pattern[2]! })
      value = true
      continue
    }
    const sign = text[at++]!
    if (sign === '`') template()
    else if (sign === '{') {
      braces.push(false)
      value = false
    } else if (sign === '}') {
      if (braces.pop() === true) template()
      else value = false
    } else value = sign === ')' || sign === ']'
  }
  return found
}
