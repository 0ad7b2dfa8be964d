/** Whether more mail finds room in an account. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Account } from 'posthouse/api'
import {
  amountOf,
  fullness,
  graceInWords,
  hasQuota,
  isOver,
  roomIn,
  shareOf,
} from '../../../../plugins/mda/quota/room.js'

const account = (quotaBytes?: number, quotaMessages?: number): Account => ({
  ...{ id: 'a', login: 'a', addresses: [] },
  ...(quotaBytes !== undefined && { quotaBytes }),
  ...(quotaMessages !== undefined && { quotaMessages }),
})

for (const [bytes, messages, used, coming, wish] of [
  [undefined, undefined, [9e15, 9e15], [9e15, 9e15], 'there is room'],
  [100, undefined, [90, 5], [10, 1], 'there is room'],
  [100, undefined, [91, 5], [10, 1], 'full'],
  [100, undefined, [0, 0], [101, 1], 'too large'],
  [undefined, 3, [1e12, 2], [1e12, 1], 'there is room'],
  [undefined, 3, [0, 3], [1, 1], 'full'],
  [undefined, 3, [0, 2], [1, 2], 'full'],
  [undefined, 0, [0, 0], [1, 1], 'too large'],
  [100, 3, [100, 0], [1, 1], 'full'],
  [100, 3, [0, 3], [1, 1], 'full'],
] as const) {
  test(`in ${bytes} octets and ${messages} messages with ${used} used, for ${coming}: ${wish}`, () => {
    const amount = ([octets, count]: readonly [number, number]) => ({ bytes: octets, messages: count })
    assert.equal(roomIn(account(bytes, messages), amount(used), amount(coming), 0), wish)
  })
}

test('what is full is said in the words of the quota there is', () => {
  const used = { bytes: 12, messages: 3 }
  assert.equal(fullness(account(10), used), '12 octets of 10 are used')
  assert.equal(fullness(account(10, 2), used), '12 octets of 10 and 3 messages of 2 are used')
  assert.deepEqual([hasQuota(account()), hasQuota(account(0)), hasQuota(account(undefined, 0))], [false, true, true])
})

for (const [quota, percent, used, coming, own, wish] of [
  [100, 10, 95, 5, false, 'there is room'],
  [100, 10, 95, 6, false, 'within grace'],
  [100, 10, 105, 5, false, 'within grace'],
  [100, 10, 105, 6, false, 'full'],
  [100, 10, 0, 110, false, 'within grace'],
  [100, 10, 0, 111, false, 'too large'],
  [100, 0, 100, 1, true, 'within grace'],
  [100, 0, 300_000, 1, true, 'full'],
  [0, 10, 0, 1, false, 'too large'],
] as const) {
  const whose = own ? 'of our own ' : ''
  test(`with ${percent} % grace of ${quota} and ${used} used, ${coming} ${whose}more: ${wish}`, () => {
    const one = (bytes: number) => ({ bytes, messages: 0 })
    assert.equal(roomIn(account(quota), one(used), one(coming), percent, own), wish)
  })
}

test("an account's own grace takes the place of everybody's", () => {
  const used = { bytes: 100, messages: 1 }
  const coming = { bytes: 40, messages: 1 }
  assert.equal(roomIn({ ...account(100), quotaGracePercent: 50 }, used, coming, 10), 'within grace')
  assert.equal(roomIn({ ...account(100), quotaGracePercent: 0 }, used, coming, 90), 'full')
})

test('how full it is, is said of octets or messages, whichever is more', () => {
  assert.equal(shareOf(account(100, 10), { bytes: 50, messages: 9 }), 90)
  assert.equal(shareOf(account(100), { bytes: 150, messages: 9 }), 150)
  assert.equal(shareOf(account(), { bytes: 150, messages: 9 }), 0)
  assert.equal(shareOf(account(0), { bytes: 1, messages: 1 }), Number.POSITIVE_INFINITY)
  assert.deepEqual(
    [isOver(account(100), { bytes: 100, messages: 1 }), isOver(account(100), { bytes: 101, messages: 1 })],
    [false, true],
  )
  assert.equal(
    amountOf(account(2_000_000, 10), { bytes: 1_000_000, messages: 3 }),
    '976.6KB of 1.9MB and 3 messages of 10',
  )
})

test('a grace is told by its end, and as over when it is', () => {
  const day = Date.UTC(2026, 10, 29)
  assert.equal(graceInWords(day, day - 1), 'in its grace until 2026-11-29T00:00:00.000Z')
  assert.equal(graceInWords(day, day), 'its grace has been over since 2026-11-29T00:00:00.000Z')
})
