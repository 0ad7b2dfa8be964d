/** `letters`: how text is dressed up (the folder letters of the plugin). */
import { type Facts, PLACES, type Place } from '../facts.js'
import { makeSorts, type Sample, sampleOf } from '../letters/sample.js'
import { isShare, LETTER_TESTS, type LetterTest, testSample, usualLeast } from '../letters/tests.js'
import { AT_LEAST, WHERE } from './keys.js'
import { foundOr, type Kind } from './kind.js'

type RawLetters = {
  readonly letters: LetterTest
  readonly where?: readonly (Place | 'anywhere')[]
  readonly at_least?: number
}

interface Letters {
  readonly test: LetterTest
  readonly where: Place
  readonly atLeast: number
}

export const letters: Kind<Letters, RawLetters> = {
  name: 'letters',
  cost: 3,
  key: { type: 'string', enum: LETTER_TESTS, description: 'test on letter patterns' },
  companions: { where: WHERE, at_least: AT_LEAST },
  read(raw, reader) {
    const test = raw.letters
    const [where, ...more] = raw.where ?? ['subject' as const]
    if (!isPlace(where) || more.length > 0) return reader.wrong(['where'], 'letter patterns look at one place')
    const atLeast = raw.at_least ?? usualLeast(test)
    if (isShare(test) && atLeast > 100) return reader.wrong(['at_least'], `for "${test}" it is a percentage`)
    return { test, where, atLeast }
  },
  prepare() {
    makeSorts()
    return {
      bind:
        ({ test, where, atLeast }) =>
        facts =>
          foundOr(testSample(test, facts.once(SAMPLES[where]), atLeast)),
    }
  },
}

const SAMPLES = Object.fromEntries(
  PLACES.map(place => [place, (facts: Facts) => sampleOf(facts.text(place))]),
) as Readonly<Record<Place, (facts: Facts) => Sample>>

function isPlace(name: string | undefined): name is Place {
  return (PLACES as readonly (string | undefined)[]).includes(name)
}
