/**
 * Does a row of letters look like a word of some language? For each language there is a table of how rare a letter is after the two before it.
 * A word is as odd as the language finds it that fits best, in bits a letter: words have 3 to 4, rows drawn by a machine 6 and more. All plugins that ask
 * this ask here. Where the tables come from: docs/letter-models.md.
 */
import { brotliDecompressSync } from 'node:zlib'
import { ALPHABETS, letterNumber, SCRIPTS, type Script, scriptOf } from './alphabet.js'
import { LETTER_TABLES } from './letter-tables.js'

export interface LetterTable {
  readonly language: string
  readonly script: Script
  /** The levels of all rows of three letters, two in an octet; packed with brotli, in base64. */
  readonly packed: string
}

/** Bits of one level; a level is from 0 to 15. */
export const LEVEL_BITS = 0.8
const LEAST_LETTERS = 3
const MOST_LETTERS = 40

interface Model {
  readonly size: number
  readonly languages: readonly string[]
  readonly levels: readonly Uint8Array[]
}

export interface WordFit {
  readonly language: string
  /** How odd the language finds it, in bits a letter. */
  readonly bits: number
}

let models: ReadonlyMap<Script, Model> | undefined

/**
 * The language that fits a word best; nothing where the word is not of one alphabet that has a model, or is shorter than three letters.
 * Of long words the first 40 letters count. Where a language finds it less odd than `enough`, no further one is asked.
 */
export function fitOf(word: string, enough = 0): WordFit | undefined {
  return fitOfRow(codesOf(word), 0, word.length, enough)
}

/** The same for [start, end) of characters by their numbers, as is asked of every long word of every mail. */
export function oddnessIn(codes: Uint16Array, start: number, end: number, enough = 0): number {
  return fitOfRow(codes, start, end, enough)?.bits ?? 0
}

function fitOfRow(codes: Uint16Array, start: number, end: number, enough: number): WordFit | undefined {
  const script = scriptOf(codes[start]!)
  if (script === undefined) return undefined
  const count = takeLetters(codes, start, end, script)
  if (count === 0) return undefined
  const { size, languages, levels } = modelOf(script)
  let found = 0
  let bits = Infinity
  for (let index = 0; index < levels.length; index++) {
    const here = bitsIn(levels[index]!, size, count)
    if (here < bits) [found, bits] = [index, here]
    if (bits < enough) break
  }
  return { language: languages[found]!, bits }
}

/** Bits a letter of the language that fits best; 0 for what has no model. */
export function oddness(word: string, enough = 0): number {
  return fitOf(word, enough)?.bits ?? 0
}

/** The first characters of a word; behind its end there is nothing that counts. */
const characters = new Uint16Array(MOST_LETTERS)

function codesOf(word: string): Uint16Array {
  for (let at = 0; at < MOST_LETTERS && at < word.length; at++) characters[at] = word.charCodeAt(at)
  if (word === '') characters[0] = 0
  return characters
}

/** The letters of the word that is being looked at; one row for all, as this is asked for every long word of every mail. */
const row = new Uint8Array(MOST_LETTERS)

/** How many there are; 0 when they are too few, or a character is no letter of the alphabet. */
function takeLetters(codes: Uint16Array, start: number, end: number, script: Script): number {
  const count = Math.min(end - start, MOST_LETTERS)
  if (count < LEAST_LETTERS) return 0
  for (let at = 0; at < count; at++) {
    const code = codes[start + at]!
    const letter = letterNumber(code)
    if (letter === 0 || scriptOf(code) !== script) return 0
    row[at] = letter
  }
  return count
}

function bitsIn(levels: Uint8Array, size: number, count: number): number {
  let [context, second, sum] = [0, 0, 0]
  for (let at = 0; at < count; at++) {
    const letter = row[at]!
    sum += levels[context + letter]!
    context = (second * size + letter) * size
    second = letter
  }
  return ((sum + levels[context]!) * LEVEL_BITS) / (count + 1)
}

function modelOf(script: Script): Model {
  models ??= new Map(SCRIPTS.map(each => [each, unpack(each)]))
  return models.get(script)!
}

function unpack(script: Script): Model {
  const tables = LETTER_TABLES.filter(table => table.script === script)
  const size = ALPHABETS[script].length + 1
  const levels = tables.map(({ packed }) => unfoldPairs(brotliDecompressSync(Buffer.from(packed, 'base64')), size ** 3))
  return { size, languages: tables.map(({ language }) => language), levels }
}

function unfoldPairs(pairs: Uint8Array, count: number): Uint8Array {
  const levels = new Uint8Array(pairs.length * 2)
  for (let at = 0; at < pairs.length; at++) {
    levels[at * 2] = pairs[at]! >> 4
    levels[at * 2 + 1] = pairs[at]! & 15
  }
  return levels.subarray(0, count)
}
