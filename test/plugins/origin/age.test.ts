/** Since when somebody is known: who is new, for how long it is remembered, and what that costs. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MailError, type State } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/origin/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { asked, DAY, NOW } from './origin-world.js'

describe('age', () => {
  const stateOf = (state: State): State => ({ ...state, get: (...get) => state.get(...get) })
  const write = (state: State, now: number, from: string, link = '') =>
    asked({ state, now, text: `From: a@${from}\n\n${link}\n`, sender: from })

  test('who was never seen before is new, but not to a site that is new itself', async () => {
    const state = createMemoryState()
    const first = await write(state, NOW, 'first.org', 'http://first.org/')
    assert.deepEqual([first.names, first.facts?.from?.firstSeen, first.facts?.remembersSince], [[], undefined, NOW])
    await write(state, NOW + 20 * DAY, 'second.org', 'http://second.org/')
    const known = await write(state, NOW + 31 * DAY, 'second.org', 'http://third.org/')
    assert.deepEqual([known.names, known.facts?.from?.firstSeen], [[], NOW + 20 * DAY])
    const fresh = await write(state, NOW + 31 * DAY, 'fourth.org', 'http://fifth.org/')
    assert.deepEqual(fresh.names, ['links-new'])
    assert.match(fresh.findings[0]!.says, /new here, and so is whatever its links lead to: fifth\.org/)
    assert.deepEqual((await write(state, NOW + 31 * DAY, 'sixth.org', 'http://second.org/')).names, [])
  })

  test('a stranger is not held to be one in mail of a list, in an answer, or when links lead to us', async () => {
    const state = createMemoryState()
    await write(state, NOW, 'first.org')
    const now = NOW + 31 * DAY
    const config = { points: { from_new: 0.1 } }
    const namesOf = async (domain: string, field: string, link: string) => {
      const text = `From: a@${domain}\n${field}\n\n${link}\n`
      return (await asked({ state, now, text, sender: domain, config })).names
    }
    assert.deepEqual(await namesOf('a.org', 'Subject: x', 'http://new-a.org/'), ['from-new', 'links-new'])
    assert.deepEqual(await namesOf('b.org', 'List-Id: <x.b.org>', 'http://new-b.org/'), [])
    assert.deepEqual(await namesOf('b2.org', 'List-Unsubscribe: <http://b2.org/>', 'http://new-b2.org/'), [])
    assert.deepEqual(await namesOf('b3.org', 'Precedence: bulk', 'http://new-b3.org/'), [])
    assert.deepEqual(await namesOf('c.org', 'In-Reply-To: <x@y.org>', 'http://new-c.org/'), ['from-new'])
    assert.deepEqual(await namesOf('d.org', 'Subject: x', 'http://www.example.test/'), ['from-new'])
  })

  test('what was seen in links counts for senders too', async () => {
    const state = createMemoryState()
    await write(state, NOW, 'first.org', 'http://shop.org/')
    assert.equal((await write(state, NOW + DAY, 'shop.org')).facts?.from?.firstSeen, NOW)
  })

  test('who came on one day only is forgotten in ten weeks, who came again stays for long', async () => {
    const state = createMemoryState()
    await write(state, NOW, 'monthly.org')
    assert.equal((await write(state, NOW + 31 * DAY, 'monthly.org')).facts?.from?.firstSeen, NOW)
    await write(state, NOW, 'once.org')
    await write(state, NOW, 'twice.org')
    await write(state, NOW + 2 * DAY, 'twice.org')
    const later = NOW + 300 * DAY
    assert.equal((await write(state, NOW + 71 * DAY, 'once.org')).facts?.from?.firstSeen, undefined)
    assert.equal((await write(state, later, 'twice.org')).facts?.from?.firstSeen, NOW)
  })

  test('mail does not wait until it is written down who was seen, and those seen a moment ago are known', async () => {
    const state = createMemoryState()
    const puts: string[] = []
    const counted = {
      ...stateOf(state),
      put: (...put: Parameters<State['put']>) => {
        puts.push(put[0])
        return state.put(...put)
      },
    }
    let now = NOW
    const { contribution, call } = await setUp(plugin, { config: {}, now: () => now, state: counted })
    const seen = async (from: string) => {
      const message = aMessage(`From: a@${from}\n\nhttp://${from}/ http://link.org/\n`)
      const all = { session: aSession({}), envelope: anEnvelope({ sender: { local: 'a', domain: from } }), message }
      return (await contribution.services!.origin!.found(all, call))?.from?.firstSeen
    }
    const first = []
    for (const from of ['one.org', 'two.org', 'one.org', 'link.org']) {
      first.push(await seen(from))
      now += 10
    }
    assert.deepEqual(first, [undefined, undefined, NOW, NOW])
    assert.deepEqual(puts, ['since/site'])
    await contribution.dispose!()
    const keys = [
      'link/link.org',
      'link/one.org',
      'link/two.org',
      'sender/link.org',
      'sender/one.org',
      'sender/two.org',
    ]
    assert.deepEqual(puts.toSorted(), [...keys, 'since/site'])
    assert.equal(await state.get('sender/two.org', now), `${NOW + 10} ${NOW + 10}`)
    // What others have forgotten meanwhile is looked up again, and not believed for ever.
    await state.remove('sender/one.org')
    await state.remove('link/one.org')
    now += 120_000
    assert.equal(await seen('one.org'), undefined)
  })

  test('a state that refuses what is written later is said in the log', async () => {
    const log = rememberingLog()
    const state = createMemoryState()
    const full = () => Promise.reject(new MailError('store-full', 'the state is full'))
    const broken = { ...stateOf(state), put: (key: string) => (key === 'since/site' ? Promise.resolve() : full()) }
    const { contribution, call } = await setUp(plugin, { config: {}, now: () => NOW, state: broken, log })
    const all = { session: aSession({}), envelope: anEnvelope({}), message: aMessage('From: a@one.org\n\nx\n') }
    await contribution.services!.origin!.found(all, call)
    await contribution.dispose!()
    assert.deepEqual(
      log.lines.filter(({ level }) => level === 'warn').map(({ sentence }) => sentence),
      ['who was seen could not be kept'],
    )
  })

  test('while the state refuses what is written nobody is called new, and again once it does not', async () => {
    const state = createMemoryState()
    let isFull = true
    const full = () => Promise.reject(new MailError('store-full', 'the state is full'))
    const put = (...[key, ...more]: Parameters<State['put']>) =>
      isFull && key !== 'since/site' ? full() : state.put(key, ...more)
    const { contribution, call } = await setUp(plugin, {
      config: {},
      now: () => NOW,
      state: { ...stateOf(state), put },
    })
    const remembersSince = async (from: string) => {
      const all = { session: aSession({}), envelope: anEnvelope({}), message: aMessage(`From: a@${from}\n\nx\n`) }
      return (await contribution.services!.origin!.found(all, call))?.remembersSince
    }
    assert.equal(await remembersSince('one.org'), NOW, 'nothing is known of any trouble yet')
    await contribution.dispose!()
    assert.equal(await remembersSince('two.org'), undefined)
    isFull = false
    await contribution.dispose!()
    assert.equal(await remembersSince('three.org'), NOW)
    await contribution.dispose!()
  })

  test('a state in trouble costs nobody anything', async () => {
    const trouble = () => Promise.reject(new MailError('store-full', 'the state is full'))
    const { names, facts, log } = await asked({ state: { get: trouble, put: trouble } as never })
    assert.deepEqual([names, facts?.from?.firstSeen, facts?.remembersSince], [[], undefined, undefined])
    assert.ok(
      log.lines.some(({ sentence, facts: { rule } }) => sentence === 'policy could not know' && rule === 'first-seen'),
    )
  })

  test('remember: 0s writes nothing down', async () => {
    const state = createMemoryState()
    await asked({ state, config: { remember: '0s' } })
    assert.deepEqual(await state.list('', NOW), [])
  })
})
