/** Whom guessing locks out: accounts, networks, and never those who are named. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ALICE, BOB, DAY, HOME, OUTSIDE, ruleOf, Scene } from './scene.js'

describe('a pair of account and network', () => {
  test('is locked after ten different wrong passwords, and no other account there is', async () => {
    const scene = await Scene.set()
    await scene.succeed(OUTSIDE, BOB)
    await scene.guess(
      9,
      () => OUTSIDE,
      () => ALICE.login,
    )
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'open')
    await scene.fail(OUTSIDE, ALICE.login, 'the tenth')
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'pair-locked')
    assert.equal(ruleOf(await scene.ask(OUTSIDE, BOB.login)), 'open')
    assert.equal(ruleOf(await scene.ask(OUTSIDE, 'carol')), 'open')
    assert.equal(ruleOf(await scene.ask(HOME, ALICE.login)), 'open', 'elsewhere it is not')
  })

  test('the answer is temporary, tells the peer nothing and the admin everything', async () => {
    const scene = await Scene.set()
    await scene.guess(
      10,
      () => OUTSIDE,
      () => ALICE.login,
    )
    assert.deepEqual(await scene.ask(OUTSIDE, ALICE.login), {
      kind: 'defer',
      code: 454,
      status: '4.7.0',
      text: 'Too many failed log-ins, try again later',
      because: {
        rule: 'pair-locked',
        evidence: '10 failed log-ins, alice@example.test from 192.0.2.66 locked until 2026-01-01T00:15:00Z',
        exception: 'posthouse login unlock alice@example.test; or its network under never: of login-guard',
      },
    })
  })

  test('the same wrong password counts once, however often a phone says it', async () => {
    const scene = await Scene.set()
    for (let n = 0; n < 200; n++) await scene.fail(HOME, ALICE.login, 'the old one')
    assert.equal(ruleOf(await scene.ask(HOME, ALICE.login)), 'open')
    const { out } = await scene.command('login history', [ALICE.login], true)
    assert.equal(JSON.parse(out[0]!).failures[0].failures, 1)
  })

  test('the same wrong password from many networks is one guess for the account', async () => {
    const scene = await Scene.set({ config: { per_account: 5 } })
    for (let n = 1; n < 20; n++) await scene.fail(`203.0.${n}.1`, ALICE.login, 'the old one')
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'open')
  })

  test('the same expired token counts once too', async () => {
    const scene = await Scene.set()
    const token = { kind: 'token', mechanism: 'OAUTHBEARER', login: ALICE.login, token: 'expired' } as const
    for (let n = 0; n < 20; n++) await scene.failWith(HOME, token)
    assert.equal(ruleOf(await scene.ask(HOME, ALICE.login)), 'open')
  })

  test('where no secret is seen every failure counts', async () => {
    const scene = await Scene.set()
    for (let n = 0; n < 10; n++) await scene.failUnseen(HOME, ALICE.login)
    assert.equal(ruleOf(await scene.ask(HOME, ALICE.login)), 'pair-locked')
  })

  test('a log-in that succeeds forgets what went wrong before', async () => {
    const scene = await Scene.set()
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 9; n++) await scene.fail(HOME, ALICE.login, `${round}.${n}`)
      assert.equal(ruleOf(await scene.succeed(HOME, ALICE)), 'open')
    }
  })

  test('an address of the account and its login are the same account', async () => {
    const scene = await Scene.set()
    for (let n = 0; n < 10; n++) await scene.fail(HOME, n % 2 === 0 ? 'bob' : 'Bob@Example.test', `${n}`)
    assert.equal(ruleOf(await scene.ask(HOME, 'bob')), 'pair-locked')
  })
})

describe('a network', () => {
  test('is locked after thirty failures for strangers, and not for accounts that have logged in from there', async () => {
    const scene = await Scene.set({ config: { per_account_and_network: 100 } })
    await scene.succeed(OUTSIDE, BOB)
    await scene.guess(
      30,
      () => OUTSIDE,
      () => ALICE.login,
    )
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'network-locked')
    assert.equal(ruleOf(await scene.ask(OUTSIDE, '')), 'network-locked', 'a token may leave the login out')
    assert.equal(ruleOf(await scene.ask(OUTSIDE, BOB.login)), 'open')
    assert.equal(ruleOf(await scene.succeed(OUTSIDE, BOB)), 'open')
  })

  test('is no longer known for an account that has not logged in from there for a month', async () => {
    const scene = await Scene.set({ config: { per_account_and_network: 100 } })
    await scene.succeed(OUTSIDE, BOB)
    scene.now += 30 * DAY + 1
    await scene.guess(
      30,
      () => OUTSIDE,
      () => ALICE.login,
    )
    assert.equal(ruleOf(await scene.ask(OUTSIDE, BOB.login)), 'network-locked')
  })

  test('names that nobody has lock it three times as fast', async () => {
    const scene = await Scene.set()
    await scene.guess(
      9,
      () => OUTSIDE,
      n => `nobody${n}`,
    )
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'open')
    await scene.fail(OUTSIDE, 'nobody', 'x')
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'network-locked')
  })

  test('who mistypes where the account is known does not lock the network for others', async () => {
    const scene = await Scene.set({ config: { per_account_and_network: 1000 } })
    await scene.succeed(HOME, ALICE)
    await scene.guess(
      100,
      () => HOME,
      () => ALICE.login,
    )
    assert.equal(ruleOf(await scene.ask(HOME, 'somebody new')), 'open')
  })

  test('failures of many addresses lock the range around them', async () => {
    const scene = await Scene.set({ config: { per_account: 1000 } })
    await scene.succeed('192.0.2.200', BOB)
    await scene.guess(
      100,
      n => `192.0.2.${1 + (n % 50)}`,
      () => ALICE.login,
    )
    assert.equal(ruleOf(await scene.ask('192.0.2.250', ALICE.login)), 'range-locked')
    assert.equal(ruleOf(await scene.ask('192.0.2.201', BOB.login)), 'open', 'known thereabouts: the address changed')
    assert.equal(ruleOf(await scene.ask('192.0.3.1', 'somebody new')), 'open')
  })

  for (const [what, first, second] of [
    ['addresses of one /64', '2001:db8:1:2::1', '2001:db8:1:2:ffff::9'],
    ['IPv4, mapped into IPv6 or not', '::ffff:192.0.2.66', '192.0.2.66'],
    ['addresses with a zone', 'fe80::1%eth0', 'fe80::2'],
  ] as const) {
    test(`${what} are one network`, async () => {
      const scene = await Scene.set()
      await scene.guess(
        10,
        () => first,
        n => `nobody${n}`,
      )
      assert.equal(ruleOf(await scene.ask(second, ALICE.login)), 'network-locked')
    })
  }

  test('a socket file is no network and is never locked', async () => {
    const scene = await Scene.set()
    await scene.guess(
      40,
      () => '',
      n => `nobody${n}`,
    )
    assert.equal(ruleOf(await scene.ask('', ALICE.login)), 'open')
  })
})

describe('an account under attack from many networks', () => {
  test('is locked for networks it is not known from, and for no others', async () => {
    const scene = await Scene.set()
    await scene.succeed(HOME, ALICE)
    await scene.guess(
      50,
      n => `203.0.${n}.1`,
      () => ALICE.login,
    )
    assert.equal(ruleOf(await scene.ask(OUTSIDE, ALICE.login)), 'account-locked')
    assert.equal(ruleOf(await scene.ask(HOME, ALICE.login)), 'open')
    assert.equal(ruleOf(await scene.ask('198.51.100.77', ALICE.login)), 'open', 'the address at home may change')
    assert.equal(ruleOf(await scene.ask(OUTSIDE, BOB.login)), 'open')
  })

  test('the names that nobody has are locked alike, so a lock does not tell who exists', async () => {
    const scene = await Scene.set()
    await scene.guess(
      50,
      n => `203.0.${n}.1`,
      () => 'nobody',
    )
    assert.equal(ruleOf(await scene.ask(OUTSIDE, 'Nobody')), 'account-locked')
    assert.equal(scene.notices.length, 0, 'and people need not hear of them')
  })
})

describe('never:', () => {
  test('named networks are neither locked nor delayed, whatever comes from there', async () => {
    const scene = await Scene.set({ config: { never: ['192.0.2.0/25', '2001:db8::/32'], most_delay: '15s' } })
    for (const address of [OUTSIDE, '2001:db8::1']) {
      await scene.guess(
        200,
        () => address,
        n => (n % 2 ? ALICE.login : `nobody${n}`),
      )
      assert.equal(ruleOf(await scene.ask(address, ALICE.login)), 'open')
    }
    assert.deepEqual((await scene.command('login locks', [], true)).out, ['[]'])
  })

  test('loopback is named as shipped', async () => {
    const scene = await Scene.set()
    await scene.guess(
      40,
      n => (n % 2 ? '127.0.0.1' : '::1'),
      n => `nobody${n}`,
    )
    assert.equal(ruleOf(await scene.ask('127.0.0.1', ALICE.login)), 'open')
  })
})
