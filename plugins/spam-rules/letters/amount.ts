/** How much of a text shouts: capitals, signs, little pictures, rows of the same character. */
import { codesOf, isSpace } from 'posthouse/text'
import { ENOUGH_TO_HEAR, type Sample } from './sample.js'

export function capitals(sample: Sample, percent: number): string | undefined {
  const { small, upper, rows } = sample.beyondAscii ? shouted(sample.text) : sample
  const letters = small + upper
  // A short shout is no pattern: abbreviations, code names.
  if (letters < 12 || rows < 3) return undefined
  const share = Math.floor((100 * upper) / letters)
  return share >= percent ? `${share} % capitals` : undefined
}

/** Who has capitals beyond ASCII. */
function shouted(text: string): Pick<Sample, 'small' | 'upper' | 'rows'> {
  let [small, upper, rows, row] = [0, 0, 0, 0]
  const end = Math.min(text.length, ENOUGH_TO_HEAR)
  const codes = codesOf(text)
  for (let at = 0; at < end; at++) {
    const code = codes[at]!
    if (code > 127 ? isCapital(text[at]!) : code >= 65 && code <= 90) {
      upper++
      if (++row === 2) rows++
      continue
    }
    row = 0
    if (code > 127 ? isSmall(text[at]!) : code >= 97 && code <= 122) small++
  }
  return { small, upper, rows }
}

function isCapital(character: string): boolean {
  return character !== character.toLowerCase()
}

function isSmall(character: string): boolean {
  return character !== character.toUpperCase()
}

const SIGN = /[\p{So}\p{Sk}\p{Co}]|[!$*=~^|<>]/gu
const VISIBLE = /\S/gu

export function symbols({ text, beyondAscii }: Sample, percent: number): string | undefined {
  const [visible, odd] = beyondAscii ? [count(text, VISIBLE), count(text, SIGN)] : signsIn(text)
  if (visible < 8 || odd < 3) return undefined
  const share = Math.floor((100 * odd) / visible)
  return share >= percent ? `${share} % signs` : undefined
}

const SIGNS = Uint8Array.from({ length: 128 }, (_, code) => Number(String.fromCharCode(code).match(SIGN) !== null))

/** The same of ASCII. */
function signsIn(text: string): [visible: number, odd: number] {
  const codes = codesOf(text)
  let [visible, odd] = [0, 0]
  for (let at = 0; at < text.length; at++) {
    const code = codes[at]!
    if (!isSpace(code)) visible++
    odd += SIGNS[code]!
  }
  return [visible, odd]
}

// One with what belongs to it: skin, hair, the joined ones of a family.
const EMOJI = /\p{Extended_Pictographic}(?:\ufe0f|\u200d|[\u{1f3fb}-\u{1f3ff}]|\p{Extended_Pictographic})*/gu
// Signs of everyday text that Unicode counts among them.
const NO_EMOJI = /^[\u00a9\u00ae\u2122\u2194\u21a9\u21aa\u2139\u2713\u2714]\ufe0f?$/u

export function emoji({ text, beyondLatin1 }: Sample, atLeast: number): string | undefined {
  if (!beyondLatin1) return undefined
  const found = Array.from(text.matchAll(EMOJI), ([one]) => one).filter(one => !NO_EMOJI.test(one))
  return found.length >= atLeast ? found.slice(0, 5).join(' ') : undefined
}

// Signs only: rows of letters are laughter (`hahaha`, `zzzz`), rows of digits amounts. Lines drawn with - = _ * # are the writer's rules.
const ROW = /([^\s\p{L}\p{N}\p{M}_=*#-])\1+/gu

export function longRun({ text }: Sample, atLeast: number): string | undefined {
  for (const [row] of text.matchAll(ROW)) if (row.length >= atLeast) return row
  return undefined
}

function count(text: string, pattern: RegExp): number {
  let found = 0
  for (const _ of text.matchAll(pattern)) found++
  return found
}
