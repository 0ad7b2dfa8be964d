/** Secrets that were right. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { RememberedSecrets } from '../../../core/text/index.js'

test('a secret is found by all of its parts, and not by others that read the same together', () => {
  const right = new RememberedSecrets<number>(10)
  right.keep(['ann', 'secret'], { value: 1, at: 5 })
  assert.deepEqual(right.find(['ann', 'secret']), { value: 1, at: 5 })
  for (const other of [['ann', 'Secret'], ['anns', 'ecret'], ['annsecret'], ['bob', 'secret'], []])
    assert.equal(right.find(other), undefined)
})

test('what was right longest ago goes first', () => {
  const right = new RememberedSecrets<number>(2)
  for (const [name, at] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['c', 4],
  ] as const)
    right.keep([name], { value: 0, at })
  assert.deepEqual(
    ['a', 'b', 'c'].map(name => right.find([name])?.at),
    [3, undefined, 4],
  )
})

test('what is forgotten is gone, and nothing of a secret shows', () => {
  const right = new RememberedSecrets<string>(2)
  right.keep(['ann', 'my secret'], { value: 'x', at: 0 })
  assert.ok(!inspect(right, { showHidden: true, depth: 9 }).includes('my secret'))
  right.forget(['ann', 'my secret'])
  assert.equal(right.find(['ann', 'my secret']), undefined)
})
