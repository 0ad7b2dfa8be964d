/**
 * Which scripts the letters of a name are of (UTS 39 §5), and how restricted their mixture is. Letters beyond ASCII are asked for once and
 * remembered, in bounds.
 */

/** Recommended scripts (UAX 31 table 5); all others are one to us. */
const RECOMMENDED = (
  'Latin Cyrillic Greek Han Hiragana Katakana Hangul Bopomofo Arabic Armenian Bengali Devanagari Ethiopic Georgian Gujarati Gurmukhi Hebrew ' +
  'Kannada Khmer Lao Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan'
).split(' ')
const TESTS = RECOMMENDED.map(script => [script, new RegExp(`\\p{Script_Extensions=${script}}`, 'u')] as const)
const SHARED = /[\p{Script_Extensions=Common}\p{Script_Extensions=Inherited}]/u
const IDENTIFIER = /^[\p{L}\p{M}\p{N}._-]*$/u
const ASCII = /^[\x00-\x7f]*$/
const MOST_REMEMBERED = 10_000

/** From the strictest; names of UTS 39 §5.2. */
export type Restriction = 'ascii' | 'single-script' | 'highly' | 'moderately' | 'minimally' | 'unrestricted'

const LATIN: ReadonlySet<string> = new Set(['Latin'])
const NONE: ReadonlySet<string> = new Set()
const remembered = new Map<string, ReadonlySet<string> | 'any'>()

/** Of one character; `any`: it belongs to all (digits, hyphens, marks). */
export function scriptsOf(character: string): ReadonlySet<string> | 'any' {
  if (ASCII.test(character)) return /[a-z]/i.test(character) ? LATIN : 'any'
  const known = remembered.get(character)
  if (known !== undefined) return known
  const scripts = findScripts(character)
  if (remembered.size >= MOST_REMEMBERED) remembered.clear()
  remembered.set(character, scripts)
  return scripts
}

function findScripts(character: string): ReadonlySet<string> | 'any' {
  if (SHARED.test(character)) return 'any'
  const found = TESTS.filter(([, test]) => test.test(character)).map(([script]) => script)
  return found.length === 0 ? new Set(['another script']) : augmented(found)
}

/** UTS 39 §5.1: Chinese, Japanese and Korean are written in several scripts each. */
function augmented(scripts: readonly string[]): ReadonlySet<string> {
  const all = new Set(scripts)
  if (all.has('Han')) for (const more of ['Hanb', 'Jpan', 'Kore']) all.add(more)
  if (all.has('Hiragana') || all.has('Katakana')) all.add('Jpan')
  if (all.has('Hangul')) all.add('Kore')
  if (all.has('Bopomofo')) all.add('Hanb')
  return all
}

/** The scripts that occur, in the order they do; for people. */
export function scriptsIn(text: string): readonly string[] {
  const found = new Set<string>()
  for (const character of text) {
    const scripts = scriptsOf(character)
    if (scripts !== 'any') found.add([...scripts][0]!)
  }
  return [...found]
}

/** UTS 39 §5.2. Without Unicode's list of allowed characters what is no letter, mark or digit counts as not allowed. */
export function restrictionOf(text: string): Restriction {
  if (ASCII.test(text)) return 'ascii'
  if (!IDENTIFIER.test(text)) return 'unrestricted'
  if (common(text, 'none') !== undefined) return 'single-script'
  const beside = common(text, 'Latin')
  if (beside === undefined) return 'minimally'
  if (['Hanb', 'Jpan', 'Kore'].some(script => beside.has(script))) return 'highly'
  return ['Cyrillic', 'Greek', 'another script'].some(script => beside.has(script)) ? 'minimally' : 'moderately'
}

/** The scripts that all letters have in common, those of `except` left out of it; nothing: there is none. */
function common(text: string, except: string): ReadonlySet<string> | undefined {
  let shared: ReadonlySet<string> | undefined
  for (const character of text) {
    const scripts = scriptsOf(character)
    if (scripts === 'any' || scripts.has(except)) continue
    shared = shared === undefined ? scripts : new Set([...shared].filter(script => scripts.has(script)))
    if (shared.size === 0) return undefined
  }
  return shared ?? NONE
}
