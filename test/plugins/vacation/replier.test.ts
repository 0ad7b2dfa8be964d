/** How often somebody is answered: RFC 5230 §4.1, §4.2. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { ALICE, DAY, house, LETTER, mailOf, NOW, SETTING } from './house.js'

const HAD = 'its sender has had that answer within 7 days'

describe('a sender is answered', () => {
  test('once in seven days', async () => {
    const a = house()
    assert.deepEqual([await a.ask(), await a.ask()], ['answered', HAD])
    a.now += 7 * DAY - 1
    assert.equal(await a.ask(), HAD)
    a.now += 1
    assert.equal(await a.ask(), 'answered')
  })

  test('once by all workers, also when mail comes at the same moment', async () => {
    const state = createMemoryState()
    const workers = Array.from({ length: 8 }, () => house({ state }))
    const told = await Promise.all(workers.map(worker => worker.ask()))
    assert.equal(told.filter(one => one === 'answered').length, 1)
  })

  test('whatever the case of the address', async () => {
    const a = house()
    assert.equal(await a.ask(), 'answered')
    assert.equal(await a.ask(mailOf(LETTER, { sender: 'BOB@FAR.test' })), HAD)
  })

  test('whoever else was', async () => {
    const a = house()
    assert.equal(await a.ask(), 'answered')
    assert.equal(await a.ask(mailOf(LETTER, { sender: 'carol@far.test' })), 'answered')
    assert.equal(await a.ask(mailOf(), { ...ALICE, id: 'other' }), 'answered')
  })

  for (const [what, change] of [
    ['text', { text: 'Gone.' }],
    ['subject', { subject: 'Gone' }],
    ['From', { from: 'a@second.test' }],
  ] as const)
    test(`again when the ${what} is another`, async () => {
      const a = house()
      assert.equal(await a.ask(), 'answered')
      a.setting = { ...SETTING, ...change }
      assert.equal(await a.ask(), 'answered')
    })

  test('once where two answers have one handle, and no text is taken for a handle', async () => {
    const a = house()
    a.setting = { ...SETTING, handle: 'h' }
    assert.equal(await a.ask(), 'answered')
    a.setting = { ...SETTING, handle: 'h', text: 'Gone.' }
    assert.equal(await a.ask(), HAD)
    a.setting = { ...SETTING, text: 'h' }
    assert.equal(await a.ask(), 'answered')
  })

  test('not within the days its owner says, which are at least one', async () => {
    const a = house()
    a.setting = { ...SETTING, days: 0 }
    assert.equal(await a.ask(), 'answered')
    a.now += DAY - 1
    assert.equal(await a.ask(), 'its sender has had that answer within 1 day')
    a.now += 1
    assert.equal(await a.ask(), 'answered')
  })

  test('from its first day to its last', async () => {
    const a = house()
    a.setting = { ...SETTING, start: NOW + DAY, end: NOW + 2 * DAY }
    assert.equal(await a.ask(), undefined)
    a.now = NOW + DAY
    assert.equal(await a.ask(), 'answered')
    a.now = NOW + 2 * DAY
    assert.equal(await a.ask(mailOf(LETTER, { sender: 'carol@far.test' })), undefined)
  })

  test('not beyond the number of a day, and then the next day', async () => {
    const a = house({ perDay: 2 })
    const from = (name: string) => a.ask(mailOf(LETTER, { sender: `${name}@far.test` }))
    assert.deepEqual(
      [await from('b'), await from('c'), await from('d')],
      ['answered', 'answered', '2 answers a day are the most'],
    )
    a.now += DAY
    assert.equal(await from('d'), 'answered')
  })
})

test('who is not answered is not remembered', async () => {
  const a = house()
  assert.match((await a.ask(mailOf(`${LETTER}\nList-Id: <x>`))) ?? '', /list/)
  assert.equal(await a.ask(), 'answered')
})

test('without a setting nobody is answered, and nothing is said', async () => {
  const a = house()
  a.setting = undefined
  assert.equal(await a.ask(), undefined)
})
