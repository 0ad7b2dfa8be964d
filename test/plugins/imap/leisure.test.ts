/** When there is time for what nobody waits for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Leisure } from '../../../plugins/imap/leisure.js'

test('at first only a moment of hardly any load will do, and after ten seconds in vain half of the time', () => {
  const leisure = new Leisure()
  assert.equal(leisure.allows(0, 0.1), true)
  assert.deepEqual(
    [100, 5_000, 10_099, 10_100].map(now => leisure.allows(now, 0.3)),
    [false, false, false, true],
  )
  assert.equal(leisure.allows(10_200, 0.6), false)
})

test('under a steady load the ten seconds are waited once, and not before each step', () => {
  const leisure = new Leisure()
  leisure.allows(0, 0.3)
  assert.deepEqual(
    [10_000, 10_100, 10_200].map(now => leisure.allows(now, 0.3)),
    [true, true, true],
  )
})

test('a moment of hardly any load, or nothing to be done, ends it', () => {
  const leisure = new Leisure()
  leisure.allows(0, 0.3)
  assert.equal(leisure.allows(10_000, 0.1), true)
  assert.equal(leisure.allows(10_100, 0.3), false)
  assert.equal(leisure.allows(20_100, 0.3), true)
  leisure.over()
  assert.equal(leisure.allows(20_200, 0.3), false)
})

test('under a load that never falls one step is made each minute', () => {
  const leisure = new Leisure()
  assert.deepEqual(
    [0, 30_000, 59_900, 60_000, 60_100, 119_900, 120_000].map(now => leisure.allows(now, 1)),
    [false, false, false, true, false, false, true],
  )
  leisure.over()
  assert.equal(leisure.allows(200_000, 1), false, 'what is wanted anew waits its minute')
  assert.equal(leisure.allows(230_000, 0.1), true)
  assert.equal(leisure.allows(289_900, 1), false, 'a minute from the last step')
})
