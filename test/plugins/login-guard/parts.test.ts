import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, mock, test } from 'node:test'
import { keyIn } from '../../../core/storage/key-file.js'
import { quietLog } from '../../../core/testing/index.js'
import { placeOf, rangeOf, readNetwork } from '../../../plugins/login-guard/networks.js'
import { delayAfter } from '../../../plugins/login-guard/policy.js'
import { Secrets } from '../../../plugins/login-guard/secrets.js'
import { Spacing } from '../../../plugins/login-guard/spacing.js'
import { ALICE, ruleOf, Scene, START } from './scene.js'

const folder = mkdtempSync(join(tmpdir(), 'login-guard-parts-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('networks', () => {
  for (const [ip, unit, wide] of [
    ['192.0.2.7', '192.0.2.7', '192.0.2.0/24'],
    ['::ffff:192.0.2.7', '192.0.2.7', '192.0.2.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['::1', '::/64', '::/48'],
  ] as const) {
    test(`${ip} stands for ${unit} in ${wide}`, () => {
      assert.deepEqual(placeOf(ip), { unit, wide })
      assert.equal(rangeOf(unit), wide)
    })
  }

  for (const [text, read] of [
    ['192.0.2.7', 'network 192.0.2.7'],
    ['192.0.2.7/32', 'network 192.0.2.7'],
    ['192.0.2.7/24', 'range 192.0.2.0/24'],
    ['2001:db8::1', 'network 2001:db8::/64'],
    ['2001:db8::/64', 'network 2001:db8::/64'],
    ['2001:db8::/48', 'range 2001:db8::/48'],
    ['192.0.2.0/16', 'none'],
    ['2001:db8::/32', 'none'],
    ['alice@example.test', 'none'],
    ['192.0.2.0/24/24', 'none'],
  ] as const) {
    test(`"${text}" is read as ${read}`, () => {
      const network = readNetwork(text)
      assert.equal(network === undefined ? 'none' : `${network.kind} ${network.name}`, read)
    })
  }
})

describe('delays', () => {
  for (const [failures, seconds] of [
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 4],
    [4, 8],
    [5, 15],
    [5000, 15],
  ] as const) {
    test(`after ${failures} failures: ${seconds} s`, () => assert.equal(delayAfter(failures, 15_000), seconds * 1000))
  }

  test('parallel log-ins wait one after the other, and no more of them than can be served in time', () => {
    const spacing = new Spacing(15_000)
    assert.deepEqual(
      [1, 2, 3, 4].map(() => spacing.reserve('a', 4000, START)),
      [4000, 8000, 12_000, undefined],
    )
    assert.equal(spacing.reserve('b', 4000, START), 4000, 'others have their own line')
    assert.equal(spacing.reserve('a', 4000, START + 12_000), 4000)
  })

  test('a log-in after failures is let in late, by so much', async () => {
    const scene = await Scene.set({ config: { most_delay: '15s' } })
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      await hurry(scene.fail('192.0.2.66', ALICE.login, 'one'))
      let over = false
      const late = scene.ask('192.0.2.66', ALICE.login).then(answer => {
        over = true
        return answer
      })
      await turns()
      mock.timers.tick(999)
      await turns()
      assert.equal(over, false)
      mock.timers.tick(1)
      assert.equal(ruleOf(await late), 'open')
    } finally {
      mock.timers.reset()
    }
  })

  test('a delay ends with the session', async () => {
    const scene = await Scene.set({ config: { most_delay: '15s' } })
    const { hooks } = scene.plugin
    const outcome = { peer: scene.peer('192.0.2.66'), mechanism: 'PLAIN', login: ALICE.login, kind: 'refused' } as const
    for (let n = 0; n < 8; n++) await hooks.loginOver!(outcome, scene.plugin.call)
    const late = scene.ask('192.0.2.66', ALICE.login)
    await turns()
    await scene.plugin.end()
    assert.equal((await late)?.kind, 'defer')
  })

  test('more log-ins than can wait hear so at once, and why is said to the admin', async () => {
    const scene = await Scene.set({ config: { most_delay: '15s' } })
    const { hooks } = scene.plugin
    const outcome = { peer: scene.peer('192.0.2.66'), mechanism: 'PLAIN', login: ALICE.login, kind: 'refused' } as const
    for (let n = 0; n < 8; n++) await hooks.loginOver!(outcome, scene.plugin.call)
    const late = scene.ask('192.0.2.66', ALICE.login)
    await turns()
    assert.equal(ruleOf(await scene.ask('192.0.2.66', ALICE.login)), 'waiting-full')
    await scene.plugin.end()
    await late
  })
})

describe('secrets', () => {
  const password = (text: string) => ({ kind: 'password', mechanism: 'PLAIN', login: 'alice', password: text }) as const

  test('are kept as 24 bits under a key of this install that only its owner reads', async () => {
    const path = join(folder, 'one.key')
    const secrets = new Secrets(() => keyIn(path), quietLog)
    const digest = await secrets.digest('alice', password('secret'))
    assert.equal(Buffer.from(digest, 'base64url').length, 3)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(readFileSync(path).length, 32)
    assert.notEqual(digest, await secrets.digest('alice', password('Secret')))
    assert.notEqual(digest, await secrets.digest('bob', password('secret')))
  })

  test('have the same digest in every worker, also when all start at once', async () => {
    const path = join(folder, 'two.key')
    const all = await Promise.all(
      [1, 2, 3].map(() => new Secrets(() => keyIn(path), quietLog).digest('alice', password('secret'))),
    )
    assert.equal(new Set(all).size, 1)
  })

  test('have another digest in another install', async () => {
    const [one, two] = ['three.key', 'four.key'].map(name => new Secrets(() => keyIn(join(folder, name)), quietLog))
    assert.notEqual(await one!.digest('alice', password('secret')), await two!.digest('alice', password('secret')))
  })
})

describe('posthouse login', () => {
  const attack = (scene: Scene, address = '192.0.2.66') =>
    scene.guess(
      10,
      () => address,
      () => ALICE.login,
    )

  test('locks lists who is locked, for whom, until when and how to lift it', async () => {
    const scene = await Scene.set()
    await attack(scene)
    assert.deepEqual((await scene.command('login locks')).out, [
      'pair     alice@example.test from 192.0.2.66  until 2026-01-01T00:15:00Z  after 10 failures',
      '         locked out: this account from this network; lift: posthouse login unlock alice@example.test',
    ])
    assert.deepEqual(JSON.parse((await scene.command('login locks', [], true)).out[0]!), [
      {
        kind: 'pair',
        login: 'alice@example.test',
        network: '192.0.2.66',
        failures: 10,
        since: '2026-01-01T00:00:00Z',
        until: '2026-01-01T00:15:00Z',
        lockedOut: 'this account from this network',
        lift: 'posthouse login unlock alice@example.test',
      },
    ])
  })

  for (const what of [ALICE.login, '192.0.2.66', '192.0.2.0/24']) {
    test(`unlock ${what} lets the account in again and forgets the failures`, async () => {
      const scene = await Scene.set()
      await attack(scene)
      assert.deepEqual((await scene.command('login unlock', [what])).out, [`lifted 1 lock of ${what}`])
      assert.equal(ruleOf(await scene.ask('192.0.2.66', ALICE.login)), 'open')
      await scene.fail('192.0.2.66', ALICE.login, 'another')
      assert.equal(ruleOf(await scene.ask('192.0.2.66', ALICE.login)), 'open')
    })
  }

  test('unlock lifts the lock of a name nobody has, as the log said it', async () => {
    const scene = await Scene.set({ config: { per_account: 3 } })
    await scene.guess(
      3,
      n => `203.1.${n}.1`,
      () => "no'body",
    )
    assert.equal(scene.log.lines.at(-1)?.facts.lift, "posthouse login unlock 'no'\\''body'")
    assert.deepEqual((await scene.command('login unlock', ["no'body"])).out, ["lifted 1 lock of no'body"])
  })

  test('unlock of an address in a locked range says what is still locked', async () => {
    const scene = await Scene.set({ config: { per_range: 10 } })
    await scene.guess(
      12,
      n => `192.0.2.${n}`,
      () => ALICE.login,
    )
    const { err } = await scene.command('login unlock', ['192.0.2.1'])
    assert.ok(err.includes('the range around it is still locked; lift: posthouse login unlock 192.0.2.0/24'))
    assert.deepEqual((await scene.command('login unlock', ['192.0.2.0/24'])).out, ['lifted 1 lock of 192.0.2.0/24'])
  })

  test('unlock of a network that is not counted as one says what is', async () => {
    const scene = await Scene.set()
    await assert.rejects(scene.command('login unlock', ['192.0.0.0/16']), /an address, a \/24/)
  })

  test('history tells where an account has logged in from and who failed', async () => {
    const scene = await Scene.set()
    await scene.succeed('198.51.100.1', ALICE)
    await attack(scene)
    assert.deepEqual((await scene.command('login history', [ALICE.login])).out, [
      '198.51.100.1  logged in by smtp, about 2026-01-01T00:00:00Z',
      '192.0.2.66  10 failed, last 2026-01-01T00:00:00Z',
    ])
    await assert.rejects(scene.command('login history', ['nobody']), /no account "nobody"/)
  })
})

/** Lets everything that is ready run. */
async function turns(): Promise<void> {
  for (let n = 0; n < 50; n++) await new Promise(resolve => setImmediate(resolve))
}

/** Lets delays pass at once. */
async function hurry<T>(work: Promise<T>): Promise<T> {
  await turns()
  mock.timers.tick(15_000)
  return work
}
