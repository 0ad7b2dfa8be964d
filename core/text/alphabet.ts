/**
 * The alphabets letter models know, and how letters of many tongues become theirs: accents go, and what is left of a letter is its base.
 * `й` keeps its breve and `ё` does not, as their readers do. A letter of another alphabet has no number.
 */

export const SCRIPTS = ['latin', 'cyrillic', 'greek'] as const
export type Script = (typeof SCRIPTS)[number]

/** A letter's number is its place here plus one; 0 is where a word begins and ends. */
export const ALPHABETS: Readonly<Record<Script, string>> = {
  latin: 'abcdefghijklmnopqrstuvwxyz',
  cyrillic: 'абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґ',
  greek: 'αβγδεζηθικλμνξοπρστυφχψω',
}

/** What no accent explains. */
const OTHER_FORMS: Readonly<Record<string, string>> = {
  ß: 's', æ: 'a', œ: 'o', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 't', ı: 'i', ŋ: 'n', ħ: 'h', ŧ: 't', ĸ: 'k', ς: 'σ', ё: 'е',
} // biome-ignore format: one line a tongue would say less
const LAST = 0x1fff
const SCRIPT_BITS = 6

/** Code unit → number of the script (from 1) and of the letter, or 0. Made when the first letter is asked for: 15 ms. */
let table: Uint8Array | undefined

function entryOf(code: number): number {
  table ??= tableOfLetters()
  return code > LAST ? 0 : table[code]!
}

/** The letter's number in its alphabet, or 0. Capitals count as small ones. */
export function letterNumber(code: number): number {
  return entryOf(code) & ((1 << SCRIPT_BITS) - 1)
}

export function scriptOf(code: number): Script | undefined {
  const entry = entryOf(code)
  return entry === 0 ? undefined : SCRIPTS[(entry >> SCRIPT_BITS) - 1]
}

function tableOfLetters(): Uint8Array {
  const letters = new Uint8Array(LAST + 1)
  for (let code = 65; code <= LAST; code++) {
    const letter = baseOf(String.fromCharCode(code).toLowerCase())
    for (const [index, script] of SCRIPTS.entries()) {
      const place = ALPHABETS[script].indexOf(letter)
      if (place >= 0) letters[code] = ((index + 1) << SCRIPT_BITS) | (place + 1)
    }
  }
  return letters
}

function baseOf(letter: string): string {
  const known = OTHER_FORMS[letter] ?? letter
  return 'йїґ'.includes(known) ? known : known.normalize('NFD')[0]!
}
