/** Whether more mail finds room in an account. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Account } from 'posthouse/api'
import { fullness, hasQuota, roomIn } from '../../../plugins/mda/quota.js'

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
    assert.equal(roomIn(account(bytes, messages), amount(used), amount(coming)), wish)
  })
}

test('what is full is said in the words of the quota there is', () => {
  const used = { bytes: 12, messages: 3 }
  assert.equal(fullness(account(10), used), '12 octets of 10 are used')
  assert.equal(fullness(account(10, 2), used), '12 octets of 10 and 3 messages of 2 are used')
  assert.deepEqual([hasQuota(account()), hasQuota(account(0)), hasQuota(account(undefined, 0))], [false, true, true])
})
