/** Encoded words that are written: which words are encoded, and at what price. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeWords, encodeWhole, encodeWords } from '../../../core/text/index.js'
import { cpuMs } from '../../harness/cpu.js'

/** The same in one pattern, which costs the square of a word's length. */
function encodedByPattern(value: string): string {
  return value.replace(/[^ ]*[^\x00-\x7f][^ ]*(?: +[^ ]*[^\x00-\x7f][^ ]*)*/g, run => encodeWhole(run))
}

test('words beyond ASCII are encoded, neighbours together, and all that stands between others stays', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'é', '水', '=', '?'), maxLength: 60 })
  fc.assert(
    fc.property(text, value => {
      assert.equal(encodeWords(value), encodedByPattern(value))
    }),
    { numRuns: 2000 },
  )
  assert.equal(decodeWords(encodeWords('Grüße  aus  Köln am Rhein')), 'Grüße  aus  Köln am Rhein')
})

test('a long word of ASCII costs as much as its length', () => {
  const costOf = (letters: number) => {
    const value = `${'a'.repeat(letters)} é`
    return Math.min(...[1, 2, 3].map(() => cpuMs(() => encodeWords(value))))
  }
  // By the pattern: sixteen seconds and more.
  assert.ok(costOf(100_000) < 1000)
})
