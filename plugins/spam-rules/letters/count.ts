/**
 * Makes the table of a letter model from words. Each different word counts once. What was not seen after two letters is reckoned from what
 * follows the last of them, and that from how common the letter is at all (interpolation as of Jelinek and Mercer, with weights that shrink as counts grow).
 */
import { brotliCompressSync, constants } from 'node:zlib'
import { ALPHABETS, LEVEL_BITS, type LetterTable, letterNumber, type Script, scriptOf } from 'posthouse/text'

const SHORTEST = 2
const LONGEST = 40
/** What a context must have been seen for its own counts to weigh as much as those of the shorter one. */
const WEIGHT = 8

export function countLetters(language: string, script: Script, words: Iterable<string>): LetterTable {
  const size = ALPHABETS[script].length + 1
  const counts = { one: new Float64Array(size), two: new Float64Array(size ** 2), three: new Float64Array(size ** 3) }
  for (const word of new Set(words)) addWord(counts, size, numbers(word, script))
  return { language, script, packed: pack(levelsOf(counts, size)) }
}

interface Counts {
  readonly one: Float64Array
  readonly two: Float64Array
  readonly three: Float64Array
}

function numbers(word: string, script: Script): readonly number[] {
  if (word.length < SHORTEST || word.length > LONGEST) return []
  const codes = [...word].map(character => character.charCodeAt(0))
  return codes.every(code => scriptOf(code) === script) ? codes.map(letterNumber) : []
}

function addWord({ one, two, three }: Counts, size: number, letters: readonly number[]): void {
  if (letters.length === 0) return
  let [first, second] = [0, 0]
  for (const letter of [...letters, 0]) {
    one[letter]! += 1
    two[second * size + letter]! += 1
    three[(first * size + second) * size + letter]! += 1
    first = second
    second = letter
  }
}

function levelsOf({ one, two, three }: Counts, size: number): Uint8Array {
  const all = sum(one, 0, size)
  const levels = new Uint8Array(size ** 3)
  for (let first = 0; first < size; first++) {
    for (let second = 0; second < size; second++) {
      const context = (first * size + second) * size
      const [inThree, inTwo] = [sum(three, context, size), sum(two, second * size, size)]
      for (let letter = 0; letter < size; letter++) {
        const alone = (one[letter]! + 1) / (all + size)
        const afterOne = (two[second * size + letter]! + WEIGHT * alone) / (inTwo + WEIGHT)
        const afterTwo = (three[context + letter]! + WEIGHT * afterOne) / (inThree + WEIGHT)
        levels[context + letter] = Math.min(15, Math.round(-Math.log2(afterTwo) / LEVEL_BITS))
      }
    }
  }
  return levels
}

function sum(counts: Float64Array, from: number, count: number): number {
  let total = 0
  for (let at = from; at < from + count; at++) total += counts[at]!
  return total
}

function pack(levels: Uint8Array): string {
  const pairs = Buffer.alloc(Math.ceil(levels.length / 2))
  for (const [at, level] of levels.entries()) pairs[at >> 1]! |= at % 2 === 0 ? level << 4 : level
  const best = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: pairs.length } }
  return brotliCompressSync(pairs, best).toString('base64')
}
