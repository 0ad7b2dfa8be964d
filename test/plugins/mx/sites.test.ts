/** Which domains are one site, and what is kept of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Sites, siteOf } from '../../../plugins/mx/sites.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'

for (const [names, site] of [
  [['mx2.provider.test', 'MX1.provider.test.'], 'mx1.provider.test,mx2.provider.test'],
  [['mx.provider.test', 'mx.provider.test'], 'mx.provider.test'],
  [[], undefined],
] as const) {
  test(`${JSON.stringify(names)} is ${site ?? 'no site'}`, () => assert.equal(siteOf(names), site))
}

test('a thousand hosts have a short name, and others have another', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `host${i}.provider.test`)
  const site = siteOf(names)!
  assert.ok(site.length < 200)
  assert.equal(siteOf([...names].reverse()), site)
  assert.notEqual(siteOf(names.slice(1)), site)
})

test('what was learned is known after a restart, and changes with the records', async () => {
  const state = createMemoryState()
  const clock = { now: () => 1000 }
  const sites = new Sites(state, clock)
  sites.learn('one.test', ['mx.provider.test'])
  sites.learn('two.test', ['mx.provider.test'])
  sites.learn('two.test', ['mx.elsewhere.test'])
  assert.deepEqual([sites.of('one.test'), sites.of('two.test')], ['mx.provider.test', 'mx.elsewhere.test'])
  const again = new Sites(state, clock)
  await again.recall()
  assert.deepEqual([again.of('one.test'), again.of('two.test')], ['mx.provider.test', 'mx.elsewhere.test'])
})

test('what is seen again is kept for another week, written once a day', async () => {
  const state = createMemoryState()
  const [clock, put] = [{ time: 0, now: () => clock.time }, state.put.bind(state)]
  let writes = 0
  state.put = (...entry) => {
    writes += 1
    return put(...entry)
  }
  const sites = new Sites(state, clock)
  for (let hour = 0; hour <= 6 * 24; hour += 1) {
    clock.time = hour * 3_600_000
    sites.learn('one.test', ['mx.provider.test'])
  }
  assert.equal(writes, 7)
  clock.time += 6 * 86_400_000
  const again = new Sites(state, clock)
  await again.recall()
  assert.equal(again.of('one.test'), 'mx.provider.test')
})

test('beyond the limit that site is forgotten which nobody has asked for', () => {
  const sites = new Sites()
  for (const lane of ['first.test', 'second.test']) sites.learn(lane, ['mx.provider.test'])
  assert.ok(sites.of('first.test'))
  for (let n = 0; n < 19_999; n += 1) sites.learn(`${n}.test`, ['mx.provider.test'])
  assert.deepEqual([sites.of('first.test'), sites.of('second.test')], ['mx.provider.test', undefined])
})

test('a domain without MX records is a site of its own', () => {
  const sites = new Sites()
  sites.learn('one.test', [])
  assert.equal(sites.of('one.test'), undefined)
})

test('a state that fails costs nothing but the knowledge', async () => {
  const broken = { list: () => Promise.reject(new Error('no')), put: () => Promise.reject(new Error('no')) }
  const sites = new Sites(broken)
  await sites.recall()
  sites.learn('one.test', ['mx.provider.test'])
  assert.equal(sites.of('one.test'), 'mx.provider.test')
})
