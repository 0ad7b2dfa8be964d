/** How long a lock lasts, what outlives what, and who is told. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { ALICE, DAY, HOME, HOUR, MINUTE, OUTSIDE, ruleOf, Scene } from './scene.js'

describe('a lock', () => {
  const lockOut = (scene: Scene) =>
    scene.guess(
      10,
      () => OUTSIDE,
      n => `nobody${n}${scene.now}`,
    )

  test('ends by itself, and the next failure brings a longer one, to a day', async () => {
    const scene = await Scene.set()
    await lockOut(scene)
    for (const minutes of [15, 60, 240, 960, 1440, 1440]) {
      scene.now += minutes * MINUTE - 1
      assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'network-locked', `not yet over after ${minutes}`)
      scene.now += 1
      assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'open', `over after ${minutes} minutes`)
      await lockOut(scene)
    }
  })

  test('of an account is never longer than an hour', async () => {
    const scene = await Scene.set({ config: { per_account: 3 } })
    for (let round = 0; round < 5; round++) {
      await scene.guess(
        4,
        n => `203.${round}.${n}.1`,
        () => `${ALICE.login}`,
      )
      for (let n = 0; n < 4; n++) await scene.fail(`203.${round}.${n}.9`, ALICE.login, `${round} ${n}`)
      scene.now += HOUR
      assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'open', `round ${round}`)
    }
  })

  test('outlives what a full State forgets first, and is not seen any more when it is over', async () => {
    const state = createMemoryState()
    const kept = new Map<string, number>()
    const watched: typeof state = {
      ...state,
      get: (key, now) => state.get(key, now),
      add: (key, by, now, expires) => {
        kept.set(key, expires)
        return state.add(key, by, now, expires)
      },
      put: (key, value, expires) => {
        kept.set(key, expires)
        return state.put(key, value, expires)
      },
      remove: key => state.remove(key),
      list: (prefix, now, most) => state.list(prefix, now, most),
    }
    const scene = await Scene.set({ state: watched })
    await lockOut(scene)
    const [lock] = [...kept].filter(([key]) => key.startsWith('lock/')).map(([, expires]) => expires)
    const others = [...kept].filter(([key]) => !key.startsWith('lock/')).map(([, expires]) => expires)
    assert.ok(others.every(expires => expires < lock!))
    scene.now += 15 * MINUTE
    assert.deepEqual((await scene.command('login locks', [], true)).out, ['[]'])
    assert.deepEqual((await scene.command('login unlock', [OUTSIDE])).out, [], 'there is nothing to lift')
  })

  test('is not prolonged by who tries again while it lasts', async () => {
    const scene = await Scene.set()
    await lockOut(scene)
    scene.now += 14 * MINUTE
    assert.equal(ruleOf(await scene.fail(OUTSIDE, ALICE.login, 'again')), 'network-locked')
    scene.now += MINUTE
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'open')
  })

  test('what was deferred does not count', async () => {
    const scene = await Scene.set()
    const { hooks, call } = scene.plugin
    for (let n = 0; n < 50; n++) {
      const outcome = { peer: scene.peer(OUTSIDE), mechanism: 'PLAIN', login: ALICE.login, kind: 'deferred' } as const
      await hooks.loginOver!(outcome, call)
    }
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'open')
  })

  test('failures are forgotten after a day without any', async () => {
    const scene = await Scene.set()
    await scene.guess(
      9,
      () => OUTSIDE,
      n => `nobody${n}`,
    )
    scene.now += DAY
    await scene.fail(OUTSIDE, 'nobody', 'x')
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'open')
  })

  test('holds in another worker and after a restart; a repeated password is still one', async () => {
    const state = createMemoryState()
    const dataDir = mkdtempSync(join(tmpdir(), 'login-guard-again-'))
    after(() => rmSync(dataDir, { recursive: true, force: true }))
    const first = await Scene.set({ state, dataDir })
    await lockOut(first)
    await first.fail(HOME, ALICE.login, 'the old one')
    const second = await Scene.set({ state, dataDir })
    assert.equal(ruleOf(await second.ask(OUTSIDE, ALICE.login)), 'network-locked')
    for (let n = 0; n < 20; n++) await second.fail(HOME, ALICE.login, 'the old one')
    const { out } = await second.command('login history', [ALICE.login], true)
    assert.equal(JSON.parse(out[0]!).failures[0].failures, 1)
  })

  test('is written to the log with how to lift it, and told to postmaster once', async () => {
    const scene = await Scene.set()
    await lockOut(scene)
    assert.deepEqual(
      scene.log.lines.filter(line => line.level === 'warn').map(({ facts, sentence }) => [sentence, facts]),
      [
        [
          'log-ins locked',
          {
            rule: 'network-locked',
            of: OUTSIDE,
            failures: 30,
            until: '2026-01-01T00:15:00Z',
            lift: `posthouse login unlock ${OUTSIDE}`,
          },
        ],
      ],
    )
    assert.equal(scene.notices.length, 1)
    assert.match(scene.notices[0]!.text, /posthouse login unlock 192\.0\.2\.66\n/)
  })

  test('mail about networks is about one thing, however many there are, and about accounts one by one', async () => {
    const scene = await Scene.set({ config: { per_account: 3, per_account_and_network: 3 } })
    for (const address of [OUTSIDE, '203.0.113.5'])
      await scene.guess(
        10,
        () => address,
        n => `nobody${n}`,
      )
    await scene.guess(
      3,
      n => `203.1.${n}.1`,
      () => ALICE.login,
    )
    assert.deepEqual(
      scene.notices.map(({ about, everyMs }) => [about, everyMs]),
      [
        ['login-lock networks', 6 * HOUR],
        ['login-lock networks', 6 * HOUR],
        [`login-lock ${ALICE.id}`, undefined],
      ],
    )
  })

  test('with notify: false nobody is told', async () => {
    const scene = await Scene.set({ config: { notify: false } })
    await lockOut(scene)
    assert.equal(scene.notices.length, 0)
  })

  test('of an observing entry is written down as one that would have been, and nobody is told', async () => {
    const scene = await Scene.set({ config: { most_delay: '15s' } })
    const { hooks, call } = scene.plugin
    const observing = { ...call, observed: true }
    for (let n = 0; n < 10; n++) {
      const [peer, login] = [scene.peer(OUTSIDE), `nobody${n}`]
      assert.equal(await hooks.login!({ peer, mechanism: 'PLAIN', login }, observing), undefined)
      await hooks.loginOver!({ peer, mechanism: 'PLAIN', login, kind: 'refused' }, observing)
    }
    assert.equal(scene.log.lines.at(-1)?.sentence, 'log-ins would be locked')
    assert.equal(scene.notices.length, 0)
    const asked = { peer: scene.peer(OUTSIDE), mechanism: 'PLAIN', login: 'nobody99' }
    assert.equal((await hooks.login!(asked, observing))?.kind, 'defer')
    scene.now += 60_000
    // enforcing from now on: delays count what was seen, but the lock was none
    const answer = await hooks.login!(asked, { ...call, signal: AbortSignal.abort() })
    assert.equal(answer?.kind === 'defer' && answer.because?.rule, 'waiting-full')
  })
})

describe('trouble', () => {
  test('of the State or the directory keeps nobody out, and is logged', async () => {
    const broken = () => Promise.reject(new Error('disk'))
    const scene = await Scene.set({ accounts: { byLogin: broken } })
    assert.equal(await scene.ask(OUTSIDE, ALICE.login), undefined)
    await scene.fail(OUTSIDE, ALICE.login, 'x')
    assert.ok(scene.log.lines.every(line => line.level === 'error'))
    assert.equal(scene.log.lines.length, 4)
  })
})
