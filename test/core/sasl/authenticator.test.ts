/** The engine: what is offered to whom, how exchanges end, who is asked and told, and what nobody can learn. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Authenticator, type Credentials, defer, type LoginOutcome, reject } from '../../../core/api/index.js'
import { authenticatorOf } from '../../harness/authenticator.js'
import {
  bearerClient,
  externalClient,
  loginClient,
  plainClient,
  type SaslClient,
  ScramClient,
} from '../../harness/sasl-client.js'
import {
  ACCOUNTS,
  ANN,
  CHANNEL,
  CLEAR,
  END_POINT_ALONE,
  engine,
  NEVER,
  NONE,
  PASSWORD,
  play,
  SCRAM,
  SECURE,
  SHOWN,
} from './authenticator-rig.js'

// ── what is offered ─────────────────────────────────────────────────────────────────────────────────────────────────────

const { scramKeys: _, ...withoutKeys } = ACCOUNTS
const ALL = ['token', 'certificate'] as const
const SCRAMS = ['SCRAM-SHA-256', 'SCRAM-SHA-1']
const PLUSES = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS']

for (const [what, options, peer, binding, mechanisms] of [
  ['a directory with keys', {}, SECURE, NONE, [...SCRAMS, 'PLAIN', 'LOGIN']],
  ['… and a channel to bind to', {}, SECURE, CHANNEL, [...PLUSES, ...SCRAMS, 'PLAIN', 'LOGIN']],
  ['a certificate alone to bind to', {}, SECURE, END_POINT_ALONE, [...SCRAMS, 'PLAIN', 'LOGIN']],
  ['no keys', { accounts: withoutKeys }, SECURE, CHANNEL, ['PLAIN', 'LOGIN']],
  [
    'keys that are not made',
    { accounts: { ...ACCOUNTS, scramShape: () => undefined } },
    SECURE,
    NONE,
    ['PLAIN', 'LOGIN'],
  ],
  ['no directory', { accounts: undefined }, SECURE, CHANNEL, ['PLAIN', 'LOGIN']],
  ['tokens', { accounts: undefined, checks: ALL }, SECURE, NONE, ['OAUTHBEARER', 'XOAUTH2', 'PLAIN', 'LOGIN']],
  ['tokens, but no TLS', { accounts: undefined, checks: ALL }, CLEAR, NONE, ['PLAIN', 'LOGIN']],
  ['a certificate that nobody checks', { accounts: undefined }, SHOWN, NONE, ['PLAIN', 'LOGIN']],
  [
    'everything',
    { checks: ALL },
    SHOWN,
    CHANNEL,
    ['EXTERNAL', ...PLUSES, ...SCRAMS, 'OAUTHBEARER', 'XOAUTH2', 'PLAIN', 'LOGIN'],
  ],
] as const) {
  test(`with ${what} there are ${mechanisms.join(' ')}`, () => {
    assert.deepEqual(engine(options).mechanisms(peer, binding, true), mechanisms)
  })
}

test('where nothing may be sent in clear, nothing is offered and nothing starts', () => {
  const authenticator = engine({ checks: ALL })
  assert.deepEqual(authenticator.mechanisms(SHOWN, CHANNEL, false), [])
  for (const mechanism of authenticator.mechanisms(SHOWN, CHANNEL, true)) {
    const wish = { peer: SHOWN, mechanism, binding: CHANNEL, clear: false, signal: NEVER }
    assert.equal(authenticator.start(wish), undefined, mechanism)
  }
})

test('what is not offered does not start', () => {
  for (const mechanism of ['CRAM-MD5', 'EXTERNAL', 'OAUTHBEARER', 'SCRAM-SHA-256-PLUS', '', 'plain', '__proto__']) {
    const wish = { peer: SECURE, mechanism, binding: NONE, clear: true, signal: NEVER }
    assert.equal(engine().start(wish), undefined, mechanism)
  }
})

// ── how exchanges end ───────────────────────────────────────────────────────────────────────────────────────────────────

const other = (credentials: Credentials) => {
  const right = credentials.kind === 'token' ? credentials.token === 'abc.def' : credentials.kind === 'certificate'
  return right && ['', 'ann'].includes(credentials.login) ? ANN : reject('wrong', { code: 535, status: '5.7.8' })
}
const bindTo = (type: 'tls-exporter' | 'tls-server-end-point') => ({ type, data: CHANNEL.data(type)! })
const plus = (mechanism: string, type: 'tls-exporter' | 'tls-server-end-point') =>
  SCRAM({ mechanism, binding: bindTo(type) })

const GOOD: readonly (() => SaslClient)[] = [
  () => plainClient('ann', PASSWORD),
  () => plainClient('ann', PASSWORD, 'ann'),
  () => loginClient('ann', PASSWORD),
  () => SCRAM(),
  () => SCRAM({ mechanism: 'SCRAM-SHA-1' }),
  () => plus('SCRAM-SHA-256-PLUS', 'tls-exporter'),
  () => plus('SCRAM-SHA-256-PLUS', 'tls-server-end-point'),
  () => plus('SCRAM-SHA-1-PLUS', 'tls-exporter'),
  () => bearerClient('OAUTHBEARER', 'ann', 'abc.def'),
  () => bearerClient('OAUTHBEARER', '', 'abc.def'),
  () => bearerClient('XOAUTH2', 'ann', 'abc.def'),
  () => externalClient('ann'),
  () => externalClient(),
]

for (const make of GOOD) {
  for (const late of [false, true]) {
    const { mechanism } = make()
    test(`${mechanism} ${late ? 'without' : 'with'} an initial response lets ann in`, async () => {
      const over: LoginOutcome[] = []
      const authenticator = engine({ checks: ALL, other, over: outcome => over.push(outcome) })
      const client = make()
      const { step } = await play(authenticator, client, { peer: SHOWN, binding: CHANNEL, late })
      assert.deepEqual(step, { kind: 'done', account: ANN })
      if (client instanceof ScramClient) assert.ok(client.proven)
      assert.deepEqual(
        over.map(({ kind, account }) => [kind, account?.id]),
        [['accepted', 'id-ann']],
      )
      assert.equal(over[0]!.mechanism, mechanism)
    })
  }
}

for (const [what, client] of [
  ['a wrong password by PLAIN', plainClient('ann', 'no')],
  ['nobody by PLAIN', plainClient('nobody', PASSWORD)],
  ['acting for another by PLAIN', plainClient('ann', PASSWORD, 'bob')],
  ['a wrong password by LOGIN', loginClient('ann', 'no')],
  ['a wrong password by SCRAM', SCRAM({ password: 'no' })],
  ['nobody by SCRAM', SCRAM({ login: 'nobody' })],
  ['a disabled account by SCRAM', SCRAM({ login: 'gone' })],
  ['a wrong token', bearerClient('OAUTHBEARER', 'ann', 'abc')],
  ['an empty token', bearerClient('OAUTHBEARER', 'ann', '')],
  ['a token of another', bearerClient('XOAUTH2', 'bob', 'abc.def')],
  ['a certificate of another', externalClient('bob')],
] as const) {
  test(`${what} is 535 5.7.8`, async () => {
    const { step } = await play(engine({ checks: ALL, other }), client, { peer: SHOWN })
    assert.ok(step.kind === 'reject', step.kind)
    assert.deepEqual([step.code, step.status], [535, '5.7.8'])
  })
}

for (const [mechanism, reason] of [
  ['OAUTHBEARER', { status: 'invalid_token' }],
  ['XOAUTH2', { status: '401', schemes: 'bearer' }],
] as const) {
  test(`${mechanism} tells in a challenge why it failed, and takes any answer for the end`, async () => {
    const { challenges } = await play(engine({ checks: ALL, other }), bearerClient(mechanism, 'ann', 'bad'))
    assert.deepEqual(
      challenges.map(text => JSON.parse(text)),
      [reason],
    )
  })
}

// ── who is asked and told ───────────────────────────────────────────────────────────────────────────────────────────────

for (const client of [plainClient('ann', PASSWORD), SCRAM()]) {
  test(`an objection to ${client.mechanism} comes before the secret is looked at`, async () => {
    const over: LoginOutcome[] = []
    let looked = 0
    const scramKeys = async () => {
      looked += 1
      return undefined
    }
    const check = () => {
      looked += 1
      return ANN
    }
    const authenticator = authenticatorOf(check, {
      accounts: { ...ACCOUNTS, scramKeys },
      login: ({ login, mechanism }) => defer(`${login} by ${mechanism}: later`, { code: 454, status: '4.7.0' }),
      over: outcome => over.push(outcome),
    })
    const { step } = await play(authenticator, client)
    assert.ok(step.kind === 'defer')
    assert.equal(step.text, `ann by ${client.mechanism}: later [p1]`)
    assert.equal(looked, 0)
    assert.deepEqual(
      over.map(({ kind, login }) => [kind, login]),
      [['objected', 'ann']],
    )
  })
}

test('USER and PASS go the same way as an exchange', async () => {
  const over: string[] = []
  const authenticator = engine({
    login: ({ login }) => (login === 'locked' ? reject('locked', { code: 535, status: '5.7.8' }) : undefined),
    over: ({ kind, login }) => over.push(`${login} ${kind}`),
  })
  const wish = (login: string, password = PASSWORD) =>
    authenticator.login(SECURE, { kind: 'password', mechanism: 'USER', login, password })
  assert.deepEqual(await wish('ann'), ANN)
  await wish('ann', 'no')
  await wish('locked')
  assert.deepEqual(over, ['ann accepted', 'ann refused', 'locked objected'])
})

test('a refused SCRAM is told of once, with the login it was about', async () => {
  const over: LoginOutcome[] = []
  await play(engine({ over: outcome => over.push(outcome) }), SCRAM({ login: 'nobody' }))
  assert.deepEqual(
    over.map(({ kind, login, mechanism }) => [kind, login, mechanism]),
    [['refused', 'nobody', 'SCRAM-SHA-256']],
  )
})

test('nobody is told of an exchange that ended before there was a name', async () => {
  const over: LoginOutcome[] = []
  const exchange = engine({ over: outcome => over.push(outcome) }).start({
    peer: SECURE,
    mechanism: 'SCRAM-SHA-256',
    binding: NONE,
    clear: true,
    signal: NEVER,
  })
  assert.equal((await exchange!.step(Buffer.from('rubbish'))).kind, 'malformed')
  assert.deepEqual(over, [])
})

// ── what nobody can learn ───────────────────────────────────────────────────────────────────────────────────────────────

async function serverFirst(authenticator: Authenticator, login: string): Promise<string> {
  const { challenges } = await play(authenticator, SCRAM({ login, password: 'guess' }))
  return challenges[0]!.replace(/^r=[^,]*,/, '')
}

test('a login that nobody has gets a salt that looks real and stays the same', async () => {
  const [here, there] = [engine(), engine()]
  const nobody = await serverFirst(here, 'nobody')
  assert.match(nobody, /^s=[A-Za-z0-9+/]{22}==,i=4096$/)
  assert.equal((await serverFirst(here, 'ann')).length, nobody.length)
  assert.equal(await serverFirst(there, 'nobody'), nobody)
  assert.equal(await serverFirst(here, 'NoBody'), nobody, 'the directory takes both for the same')
  assert.notEqual(await serverFirst(here, 'nobody2'), nobody)
  assert.notEqual(await serverFirst(engine({ secret: async () => Buffer.alloc(32, 8) }), 'nobody'), nobody)
})
