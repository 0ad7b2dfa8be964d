import assert from 'node:assert/strict'
import test from 'node:test'
import { Octets } from '../../../../plugins/imap/wire/octets.js'

test('numbers stand as people write them', () => {
  for (const number of [
    0,
    7,
    9,
    10,
    99,
    100,
    65_535,
    999_999,
    1_000_000,
    2 ** 31,
    2 ** 32 - 1,
    Number.MAX_SAFE_INTEGER,
  ]) {
    const octets = new Octets()
    octets.putNumber(number)
    assert.equal(octets.take().toString(), String(number))
  }
})

test('as much is put down as there is, in order, and nothing is left after it was taken', () => {
  const octets = new Octets()
  const long = Buffer.from('0123456789'.repeat(1000))
  let wanted = ''
  for (let at = 0; at < 30; at++) {
    octets.put(long)
    octets.putNumber(at)
    wanted += `${long}${at}`
  }
  assert.equal(octets.length, wanted.length)
  const taken = octets.take()
  octets.put(Buffer.from('later'))
  assert.equal(taken.toString(), wanted)
  assert.equal(octets.take().toString(), 'later')
  assert.equal(octets.take().length, 0)
})
