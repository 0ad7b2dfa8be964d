/** What is looked for in the index of words for a text that SEARCH was given. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needleOf } from '../../../plugins/imap/blocks/words.js'

for (const [value, pieces, exact] of [
  ['WORD', ['WORD'], true],
  ['A WORD', ['A$', '^WORD'], false],
  [' WORD', ['^WORD'], false],
  ['WORD.', ['WORD$'], false],
  ['ONE@TWO.THREE', ['ONE$', '^TWO$', '^THREE'], false],
  ['🎉', ['🎉'], true],
  ['A🎉', ['A$', '^🎉'], false],
  ['--', [], false],
] as const)
  test(`${value} is looked for as ${pieces.join(' and ') || 'nothing'}`, () => {
    const needle = needleOf(value)
    assert.deepEqual(
      needle.pieces.map(({ text, begins, ends }) => `${begins ? '^' : ''}${text}${ends ? '$' : ''}`),
      pieces,
    )
    assert.equal(needle.exact, exact)
  })
