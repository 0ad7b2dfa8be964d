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
