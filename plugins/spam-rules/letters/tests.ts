/**
 * Letter patterns: how text is dressed up to catch the eye or to slip past word lists, and text that nobody wrote. Each test is a pure function
 * from a sample of text to what was found, or nothing; each looks at each character a bounded number of times.
 */
import { capitals, emoji, longRun, symbols } from './amount.js'
import { accentedEnglish, type Finds, fancy, hiddenLetters, mixedWords, singleLetters } from './dressing.js'
import { codedTokens, gibberish, mangledWords } from './odd-words.js'
import { wordSalad } from './salad.js'
import { type Sample, sampleOf } from './sample.js'

/** What `at_least` counts: per cent of the text, finds, or the length of one find. */
type Unit = 'percent' | 'finds' | 'length'

interface Test {
  readonly unit: Unit
  /** Where a rule does not say `at_least`. */
  readonly atLeast: number
  look(sample: Sample, atLeast: number): string | undefined
}

const finds = (look: (sample: Sample) => Finds): Test => ({
  unit: 'finds',
  atLeast: 1,
  look: (sample, atLeast) => several(look(sample), atLeast),
})

const TESTS = {
  capitals: { unit: 'percent', atLeast: 80, look: capitals },
  symbols: { unit: 'percent', atLeast: 80, look: symbols },
  emoji: { unit: 'finds', atLeast: 1, look: emoji },
  'long-run': { unit: 'length', atLeast: 5, look: longRun },
  'spaced-out': finds(singleLetters),
  'mixed-scripts': finds(mixedWords),
  'zero-width': finds(hiddenLetters),
  fancy: finds(fancy),
  'accented-english': finds(accentedEnglish),
  gibberish: finds(gibberish),
  mangled: finds(mangledWords),
  token: finds(codedTokens),
  'word-salad': { unit: 'length', atLeast: 20, look: wordSalad },
} as const satisfies Record<string, Test>

export type LetterTest = keyof typeof TESTS
export const LETTER_TESTS = Object.keys(TESTS) as readonly LetterTest[]

export function testLetters(test: LetterTest, whole: string, atLeast = TESTS[test].atLeast): string | undefined {
  return testSample(test, sampleOf(whole), atLeast)
}

export function testSample(test: LetterTest, sample: Sample, atLeast: number): string | undefined {
  return TESTS[test].look(sample, atLeast)
}

export function isShare(test: LetterTest): boolean {
  return TESTS[test].unit === 'percent'
}

export function usualLeast(test: LetterTest): number {
  return TESTS[test].atLeast
}

/** The first of at least so many different ones. */
function several(found: Finds, atLeast: number): string | undefined {
  const seen = new Set<string>()
  for (const item of found) {
    seen.add(item)
    if (seen.size >= atLeast) return [...seen].slice(0, 3).join(', ')
  }
  return undefined
}
