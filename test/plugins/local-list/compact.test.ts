import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CompactList } from '../../../plugins/local-list/compact.js'

const row = (line: number, note = '', allow = false) => ({ allow, defaults: 0, note, line })

test('every key that was added is found with what stands beside it, and no other', () => {
  const key = fc.oneof(
    fc.string({ minLength: 1, maxLength: 40 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  )
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 300 }), fc.array(key, { maxLength: 20 }), (keys, others) => {
      const mended = keys.map(wellFormed)
      const list = new CompactList()
      const first = new Map<string, number>()
      for (const [at, one] of mended.entries()) {
        const there = list.add(one, row(at + 1, `note ${at % 7}`, at % 2 === 0))
        assert.equal(there === undefined, !first.has(one))
        if (there === undefined) first.set(one, at)
      }
      list.seal()
      for (const [one, at] of first) {
        const found = list.find(one)
        assert.ok(found !== undefined)
        assert.deepEqual(list.at(found), row(at + 1, `note ${at % 7}`, at % 2 === 0))
        assert.equal(list.keyAt(found), one)
      }
      for (const other of others.map(wellFormed)) assert.equal(list.find(other) !== undefined, first.has(other))
    }),
    { numRuns: 50 },
  )
})

test('it grows, and a hundred thousand entries take less than 100 octets each', () => {
  const list = new CompactList()
  for (let at = 0; at < 100_000; at++) list.add(`d/host${at}.example.org`, row(at))
  list.seal()
  assert.equal(list.size, 100_000)
  assert.equal(list.at(list.find('d/host99999.example.org')!).line, 99_999)
  assert.ok(list.bytes < 10_000_000, String(list.bytes))
})

/** As it comes out of a file: half a character is none. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}
