/** The answer cache: by time, by number, by octets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerCache } from '../../../core/dns/cache.js'

const text = (length: number) => ['x'.repeat(length)]

test('an answer is kept until its time is over, and its octets with it', () => {
  const cache = new AnswerCache(10, 100_000)
  cache.put('a', text(100), 1000)
  assert.deepEqual(cache.get('a', 999), text(100))
  assert.ok(cache.octets > 100)
  assert.equal(cache.get('a', 1000), undefined)
  assert.deepEqual([cache.size, cache.octets], [0, 0])
})

test('large answers push out the oldest until the octets fit', () => {
  const cache = new AnswerCache(1000, 10_000)
  for (let i = 0; i < 50; i++) cache.put(`name${i}`, text(1000), 1e6)
  assert.ok(cache.octets <= 10_000, `${cache.octets}`)
  assert.equal(cache.get('name0', 0), undefined)
  assert.deepEqual(cache.get('name49', 0), text(1000))
})

test('an answer larger than the bound is not kept and pushes nothing out', () => {
  const cache = new AnswerCache(10, 10_000)
  cache.put('small', text(10), 1000)
  cache.put('huge', text(20_000), 1000)
  assert.equal(cache.get('huge', 0), undefined)
  assert.deepEqual(cache.get('small', 0), text(10))
})

test('an answer put again is counted once', () => {
  const cache = new AnswerCache(10, 100_000)
  cache.put('a', text(100), 1000)
  const before = cache.octets
  cache.put('a', text(100), 2000)
  assert.deepEqual([cache.size, cache.octets], [1, before])
})
