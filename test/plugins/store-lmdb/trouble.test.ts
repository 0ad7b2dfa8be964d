/** What the log says of a store that cannot be written: not too often, and that it is over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MailError } from 'posthouse/api'
import { Complaints, storeError } from '../../../plugins/store-lmdb/trouble.js'

const PATH = '/nowhere/mail.lmdb'

function complaints() {
  const said: [string, unknown][] = []
  const note = (facts: object, sentence: string) =>
    said.push([sentence.slice(0, 21), 'failures' in facts && facts.failures])
  let now = 0
  return { said, later: (ms: number) => (now += ms), it: new Complaints(PATH, { error: note, info: note }, () => now) }
}

const full = new MailError('store-full', 'commit failed')
const failing = new MailError('store-unavailable', 'commit failed')

test('thousands of failures are one line a minute with their number, and one when it is over', () => {
  const { it, said, later } = complaints()
  it.wrote()
  for (let at = 0; at < 1000; at++) it.failed(full)
  later(60_000)
  it.failed(full)
  it.wrote()
  it.wrote()
  assert.deepEqual(said, [
    ['no room for the store', 1],
    ['no room for the store', 1001],
    ['the store can be writ', 1001],
  ])
})

test('trouble that comes again after it was over is told at once, in its own words', () => {
  const { it, said } = complaints()
  it.failed(full)
  it.wrote()
  it.failed(failing)
  assert.deepEqual(said.at(-1), ['the store cannot be w', 1])
})

for (const [what, code, expected] of [
  ['no space', 28, 'store-full'],
  ['over quota', 122, 'store-full'],
  ['input/output error', 5, 'store-unavailable'],
  ['read-only', 30, 'store-unavailable'],
] as const) {
  test(`a commit that failed with ${what} is ${expected}`, async () => {
    const later = Promise.reject(Object.assign(new Error(what), { code }))
    later.catch(() => undefined)
    const error = await storeError(Object.assign(new Error('Commit failed'), { commitError: later }), PATH)
    assert.equal((error as MailError).errorCode, expected)
  })
}

test('what a change itself throws passes through', async () => {
  const own = new MailError('lease-lost', 'gone')
  assert.equal(await storeError(own, PATH), own)
})
