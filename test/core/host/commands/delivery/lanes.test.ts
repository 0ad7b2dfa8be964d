/** What a word for a destination means to `posthouse delivery suspend` and `resume`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyOf } from '../../../../../core/host/commands/delivery/lanes.js'

for (const [text, key] of [
  ['Example.net', 'mx/example.net'],
  ['bücher.test', 'mx/xn--bcher-kva.test'],
  ['xn--bcher-kva.test', 'mx/xn--bcher-kva.test'],
  ['mda/Example.net', 'mda/Example.net'],
] as const) {
  test(`${text} is ${key}`, () => {
    assert.equal(keyOf(text), key)
  })
}
