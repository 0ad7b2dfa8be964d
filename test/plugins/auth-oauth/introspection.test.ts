import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { AUDIENCE, ISSUER, json, NOW, Provider, patienceWith, TROUBLES } from './provider.js'
import { makeScene, type Scene, whyOf } from './scene.js'

const SECONDS = NOW / 1000
const ACTIVE = { active: true, iss: ISSUER, aud: AUDIENCE, exp: SECONDS + 3600, email: 'alice@example.test' }
let provider: Provider
let scene: Scene

before(async () => {
  provider = await Provider.start(json(ACTIVE))
})
after(() => provider.stop())
beforeEach(async () => {
  provider.answer = json(ACTIVE)
  provider.asked.length = 0
  provider.bodies.length = 0
  provider.authorizations.length = 0
  scene = await makeScene({ introspection: `${provider.url}/introspect` })
})

describe('a token that the provider is asked about', () => {
  test('logs in whose address it names; we say who we are and send it in the body alone', async () => {
    assert.equal(await scene.logIn('opaque+/token'), 'alice')
    assert.deepEqual(provider.asked, ['POST /introspect'])
    assert.equal(new URLSearchParams(provider.bodies[0]).get('token'), 'opaque+/token')
    const [scheme, text] = provider.authorizations[0]!.split(' ')
    assert.equal(scheme, 'Basic')
    assert.equal(Buffer.from(text!, 'base64').toString(), 'our%3Aid:s%26cret+%25')
  })

  for (const [what, answer, why] of [
    ['that is not active', { active: false }, /not active/],
    ['that has expired', { ...ACTIVE, exp: SECONDS - 61 }, /expired/],
    ['that is not yet valid', { ...ACTIVE, nbf: SECONDS + 61 }, /not yet valid/],
    ['of another issuer', { ...ACTIVE, iss: 'https://evil.example/' }, /another issuer/],
    ['for another audience', { ...ACTIVE, aud: ['calendar'] }, /another audience/],
    ['for no audience, where one is asked for', { ...ACTIVE, aud: undefined }, /another audience/],
    ['of somebody who is not here', { ...ACTIVE, email: 'carol@example.test' }, /nobody here/],
    ['without a login', { active: true, aud: AUDIENCE }, /claim email is missing/],
  ] as const) {
    test(`${what} is refused, and the log says why`, async () => {
      provider.answer = json(answer)
      assert.equal(await scene.logIn('token'), 'refused')
      assert.match(whyOf(scene), why)
    })
  }

  test('needs no audience where none is asked for', async () => {
    scene = await makeScene({ introspection: `${provider.url}/introspect`, audience: [] })
    provider.answer = json({ active: true, email: 'alice@example.test' })
    assert.equal(await scene.logIn('token'), 'alice')
  })

  test('is not asked about again for two minutes, and then is', async () => {
    assert.equal(await scene.logIn('token'), 'alice')
    provider.answer = json({ active: false })
    scene.now += 119_999
    assert.equal(await scene.logIn('token'), 'alice')
    scene.now += 1
    assert.equal(await scene.logIn('token'), 'refused')
    assert.equal(provider.asked.length, 2)
  })

  test('is not remembered beyond its end', async () => {
    provider.answer = json({ ...ACTIVE, exp: SECONDS + 30 })
    assert.equal(await scene.logIn('token'), 'alice')
    provider.answer = json({ active: false })
    scene.now += 30_000
    assert.equal(await scene.logIn('token'), 'refused')
  })

  test('is remembered as that one token', async () => {
    assert.equal(await scene.logIn('token'), 'alice')
    provider.answer = json({ active: false })
    assert.equal(await scene.logIn('token2'), 'refused')
    assert.equal(await scene.logIn('token', 'bob'), 'refused', 'and whom it is of is looked at each time')
  })

  test('that is used by four connections at once is asked about once', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => scene.logIn('token')))
    assert.deepEqual([all, provider.asked.length], [['alice', 'alice', 'alice', 'alice'], 1])
  })

  test('beyond fifty at once is put off without asking', async () => {
    provider.answer = () => undefined
    scene = await makeScene({ introspection: `${provider.url}/introspect`, timeout: '1500ms' })
    const all = await Promise.all(Array.from({ length: 60 }, (_, n) => scene.logIn(`token${n}`)))
    assert.deepEqual(new Set(all), new Set(['454']))
    assert.ok(provider.asked.length <= 50)
    assert.match(JSON.stringify(scene.log.lines.map(({ facts }) => facts.why)), /50 questions/)
  })

  for (const [what, answer, says] of [
    ...TROUBLES,
    ['does not say whether it is active', json({ email: 'alice@example.test' }), /whether the token is active/],
    ['says so in words', json({ ...ACTIVE, active: 'true' }), /whether the token is active/],
  ] as const) {
    test(`of a provider that ${what} is put off with 454, and asked about again`, async () => {
      provider.answer = answer
      scene = await makeScene({ introspection: `${provider.url}/introspect`, ...patienceWith(what) })
      assert.equal(await scene.logIn('token'), '454')
      assert.match(whyOf(scene), says)
      assert.deepEqual(provider.asked, ['POST /introspect'], 'and nothing elsewhere')
      provider.answer = json(ACTIVE)
      assert.equal(await scene.logIn('token'), 'alice')
    })
  }
})
