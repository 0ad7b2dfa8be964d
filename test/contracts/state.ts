/** The contract of the state: values and counters that expire. Times come in as arguments, so no clock is turned here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { State } from '../../core/api/index.js'
import { costOf, readTally } from '../../core/text/index.js'
import { coded, type StateBackend } from './backend.js'

const MINUTE = 60_000

export function stateContract(backend: StateBackend): void {
  const check = (behaviour: string, run: (state: State) => Promise<void>) =>
    test(`${backend.name}: ${behaviour}`, async () => run(await backend.open()))

  check('a value is there until it expires, and not a moment longer', async state => {
    await state.put('key', 'value', 100)
    assert.equal(await state.get('key', 99), 'value')
    assert.equal(await state.get('key', 100), undefined)
  })

  check('an unknown key has no value, and removing it says that there was none', async state => {
    assert.equal(await state.remove('key'), false)
    assert.equal(await state.get('key', 1), undefined)
  })

  check('a later value replaces an earlier one, with its expiry', async state => {
    await state.put('key', 'one', 100)
    await state.put('key', 'two', 200)
    assert.equal(await state.get('key', 150), 'two')
    assert.equal(await state.remove('key'), true)
    assert.equal(await state.get('key', 150), undefined)
    assert.equal(await state.remove('key'), false)
  })

  check('a counter adds up, may go down, and starts from nothing once it has expired', async state => {
    assert.equal(await state.add('n', 2, 10, 100), 2)
    assert.equal(await state.add('n', 3, 20, 100), 5)
    assert.equal(await state.add('n', -1, 20, 150), 4)
    assert.equal(await state.get('n', 120), '4')
    assert.equal(await state.add('n', 7, 150, 300), 7)
  })

  check('counts made at the same time are all counted', async state => {
    const counts = await Promise.all(Array.from({ length: 100 }, () => state.add('n', 1, 1, 100)))
    assert.deepEqual(
      counts.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, at) => at + 1),
    )
  })

  check('what is added to a tally at the same time is all added, and it fades', async state => {
    const fading = { halfLifeMs: MINUTE }
    await Promise.all(Array.from({ length: 100 }, () => state.tally('t', { ham: 1, spam: 0.5 }, fading, MINUTE)))
    const sumsAt = async (now: number) => [...readTally(await state.get('t', now), fading, now)!.sums]
    assert.deepEqual(await sumsAt(MINUTE), [
      ['ham', 100],
      ['spam', 50],
    ])
    await state.tally('t', { ham: -10 }, fading, 2 * MINUTE)
    assert.deepEqual(await sumsAt(2 * MINUTE), [
      ['ham', 40],
      ['spam', 25],
    ])
    assert.deepEqual((await state.list('t', MINUTE)).length, 1)
    assert.equal(await state.remove('t'), true)
  })

  check('keys may be long, odd and alike', async state => {
    const keys = ['', 'a'.repeat(5000), `${'a'.repeat(4999)}b`, 'nul\0nul', 'ключ 💌', 'a', 'a/b', '#', '__proto__']
    for (const [at, key] of keys.entries()) await state.put(key, String(at), 100)
    for (const [at, key] of keys.entries())
      assert.equal(await state.get(key, 1), String(at), JSON.stringify(key.slice(0, 20)))
  })

  check('values keep every character', async state => {
    const value = `üñí\u0000\r\n💌${'x'.repeat(10_000)}`
    await state.put('key', value, 100)
    assert.equal(await state.get('key', 1), value)
  })

  check('a budget grants what it has, refuses the rest and says how long to wait', async state => {
    const budget = { limit: 3, windowMs: MINUTE }
    assert.deepEqual(await state.spend('b', 2, budget, MINUTE), { granted: true, used: 2, waitMs: 0 })
    assert.deepEqual(await state.spend('b', 2, budget, MINUTE + 100), { granted: false, used: 2, waitMs: MINUTE - 100 })
    assert.deepEqual(await state.spend('b', 0, budget, MINUTE + 100), { granted: true, used: 2, waitMs: 0 })
    assert.deepEqual(await state.spend('b', 3, budget, 2 * MINUTE), { granted: true, used: 3, waitMs: 0 })
    assert.deepEqual(await state.spend('b', -3, budget, 2 * MINUTE), { granted: true, used: 0, waitMs: 0 })
    assert.deepEqual(await state.spend('b', 4, budget, 2 * MINUTE), {
      granted: false,
      used: 0,
      waitMs: Number.POSITIVE_INFINITY,
    })
  })

  check('of a budget spent by many at the same time exactly the limit is granted', async state => {
    const spend = () => state.spend('b', 1, { limit: 40, windowMs: MINUTE }, MINUTE)
    const spent = await Promise.all(Array.from({ length: 100 }, spend))
    assert.equal(spent.filter(({ granted }) => granted).length, 40)
    assert.equal((await state.spend('b', 0, { limit: 40, windowMs: MINUTE }, MINUTE)).used, 40)
  })

  check('a budget and a value may have one key; removing forgets both', async state => {
    await state.spend('k', 1, { limit: 1, windowMs: MINUTE }, 1)
    assert.equal(await state.get('k', 1), undefined)
    await state.put('k', 'value', 100)
    assert.equal((await state.spend('k', 1, { limit: 1, windowMs: MINUTE }, 1)).granted, false)
    assert.equal(await state.remove('k'), true)
    assert.equal(await state.get('k', 1), undefined)
    assert.equal((await state.spend('k', 1, { limit: 1, windowMs: MINUTE }, 1)).granted, true)
    assert.equal(await state.remove('k'), true)
    assert.equal(await state.remove('k'), false)
  })

  check('there are as many places as said, and one that is left is free, once', async state => {
    const [one, two, three] = await Promise.all([1, 2, 3].map(() => state.enter('p', 2, 1)))
    assert.deepEqual(
      [one, two, three].map(place => place !== undefined),
      [true, true, false],
    )
    await one!.leave()
    await one!.leave()
    assert.notEqual(await state.enter('p', 2, 1), undefined)
    assert.equal(await state.enter('p', 2, 1), undefined)
    assert.notEqual(await state.enter('q', 1, 1), undefined)
    assert.equal(await state.enter('r', 0, 1), undefined)
  })

  check('a list has the keys of its prefix in order, without budgets and what has expired', async state => {
    const long = `a/${'x'.repeat(1000)}`
    const keys = ['a/z', long, 'a/é💌', 'a/\uffee', `${long}y`, 'a/b', 'a/nul\0', 'a/lone\ud800', 'a/']
    for (const key of ['a', 'b/c', ...keys]) await state.put(key, `of ${key.slice(0, 3)}`, 100)
    await state.put('a/gone', '', 50)
    await state.add('a/n', 2, 1, 100)
    await state.spend('a/budget', 1, { limit: 1, windowMs: MINUTE }, 1)
    const listed = await state.list('a/', 50)
    const expected = [...keys, 'a/n'].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    assert.deepEqual(
      listed.map(({ key }) => key),
      expected,
    )
    assert.deepEqual(
      listed.map(({ value }) => value),
      expected.map(key => (key === 'a/n' ? '2' : `of ${key.slice(0, 3)}`)),
    )
    assert.ok(listed.every(({ expires }) => expires === 100))
    assert.deepEqual(
      (await state.list('a/', 50, 2)).map(({ key }) => key),
      ['a/', 'a/b'],
    )
    assert.equal((await state.list('', 50)).length, keys.length + 3)
    assert.deepEqual(
      (await state.list(long, 50)).map(({ key }) => key),
      [long, `${long}y`],
    )
  })

  const small = (behaviour: string, run: (state: State) => Promise<void>) =>
    test(`${backend.name}: ${behaviour}`, async () => run(await backend.open(64 * 1024)))
  const keysOf = async (state: State, prefix: string) => (await state.list(prefix, 1)).map(({ key }) => key)

  small('a full state forgets tallies first that have little behind them', async state => {
    const fading = { halfLifeMs: MINUTE }
    for (let at = 0; at < 20; at++) await state.tally(`p/k/much${at}`, { ham: 100 }, fading, 1)
    for (let at = 0; at < 1000; at++) await state.tally(`p/k/little${at}`, { ham: 1 }, fading, 1)
    const left = await keysOf(state, 'p/k/')
    assert.equal(left.filter(key => key.includes('much')).length, 20)
    assert.ok(left.length > 200 && left.length < 500, String(left.length))
  })

  small('a full state forgets what expires first', async state => {
    for (let at = 0; at < 1000; at++) await state.put(`p/k/${String(at).padStart(4, '0')}`, 'v', 10_000 + at)
    const left = await keysOf(state, 'p/')
    assert.ok(left.length > 200 && left.length < 500, String(left.length))
    assert.deepEqual(
      left,
      Array.from({ length: left.length }, (_, at) => `p/k/${String(1000 - left.length + at).padStart(4, '0')}`),
    )
  })

  small(
    'who floods a state with keys crowds out only keys of their like, however soon the others expire',
    async state => {
      await state.put('p/kind/friend', 'v', 10)
      await state.spend('q/budget', 1, { limit: 1, windowMs: 10 }, 1)
      for (let at = 0; at < 2000; at++) await state.put(`p/flood/${at}`, 'v', 10_000)
      assert.deepEqual(await keysOf(state, 'p/kind/'), ['p/kind/friend'])
      assert.equal((await state.spend('q/budget', 1, { limit: 1, windowMs: 10 }, 1)).granted, false)
      assert.ok((await keysOf(state, 'p/flood/')).length < 500)
    },
  )

  small('a full state still learns what expires sooner than all the rest', async state => {
    for (let at = 0; at < 1000; at++) await state.put(`p/k/${at}`, 'v', 10_000)
    await state.put('p/k/new', 'v', 20)
    assert.equal(await state.get('p/k/new', 1), 'v')
  })

  small(
    'what is larger than each family of a full state has room made for it by the largest of the others',
    async state => {
      const sum = async () => (await state.list('', 1)).reduce((all, { key, value }) => all + costOf(key, value), 0)
      for (let at = 0; at < 400; at++) await state.put(`p${at}/k/a`, 'v', 10_000)
      assert.ok((await sum()) > 63 * 1024, 'it is full')
      await state.put('q/k/a', 'x'.repeat(4000), 10_000)
      assert.equal((await state.get('q/k/a', 1))?.length, 4000)
      assert.ok((await sum()) <= 64 * 1024)
    },
  )

  small('a value too large for the state is refused, and what was there stays', async state => {
    await state.put('k', 'v', 100)
    await assert.rejects(state.put('k', 'x'.repeat(10_000), 100), coded('store-full'))
    assert.equal(await state.get('k', 1), 'v')
  })
}
