import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { ConfigError } from '../../../core/api/index.js'
import { AUDIENCE, CLAIMS, ISSUER, json, makeKey, NOW, Provider, patienceWith, sign, TROUBLES } from './provider.js'
import { makeScene, type Scene, whyOf } from './scene.js'

const key = await makeKey('first')
const other = await makeKey('second')
const SECONDS = NOW / 1000
let provider: Provider
let scene: Scene

before(async () => {
  provider = await Provider.start(json({ keys: [] }))
})
after(() => provider.stop())
beforeEach(async () => {
  provider.answer = json({ keys: [key.jwk] })
  provider.asked.length = 0
  scene = await makeScene({ jwks: `${provider.url}/keys` })
})

describe('a signed token', () => {
  test('logs in whose address it names, and the keys are fetched once', async () => {
    const token = await sign(key)
    assert.equal(await scene.logIn(token), 'alice')
    assert.equal(await scene.logIn(token, 'alice'), 'alice')
    assert.equal(await scene.logIn(token, 'ALICE@example.test'), 'alice')
    assert.deepEqual(provider.asked, ['GET /keys'])
  })

  test('of another claim logs in by that', async () => {
    scene = await makeScene({ jwks: `${provider.url}/keys`, login_claim: 'preferred_username' })
    assert.equal(await scene.logIn(await sign(key)), 'bob')
  })

  for (const [what, claims, why] of [
    ['for another audience', { aud: 'calendar' }, /"aud"/],
    ['for no audience', { aud: undefined }, /"aud"/],
    ['of another issuer', { iss: 'https://evil.example/' }, /not of this issuer/],
    ['that has expired', { exp: SECONDS - 61 }, /"exp"/],
    ['without an end', { exp: undefined }, /"exp"/],
    ['that is not yet valid', { nbf: SECONDS + 61 }, /"nbf"/],
    ['of somebody who is not here', { email: 'carol@example.test' }, /nobody here is carol/],
    ['of a disabled account', { email: 'gone@example.test' }, /disabled/],
    ['without a login', { email: undefined }, /claim email is missing/],
    ['with a list for a login', { email: ['alice@example.test'] }, /claim email is missing/],
    ['with an address that nobody has proven', { email_verified: false }, /not verified/],
  ] as const) {
    test(`${what} is refused, and the log says why`, async () => {
      assert.equal(await scene.logIn(await sign(key, { ...CLAIMS, ...claims } as JWTPayload)), 'refused')
      assert.match(whyOf(scene), why)
    })
  }

  for (const [what, claims] of [
    ['for several audiences, ours among them', { aud: ['calendar', AUDIENCE] }],
    ['that has expired within the clock skew', { exp: SECONDS - 59 }],
    ['that begins within the clock skew', { nbf: SECONDS + 59 }],
    ['with a proven address', { email_verified: true }],
  ] as const) {
    test(`${what} is accepted`, async () => {
      assert.equal(await scene.logIn(await sign(key, { ...CLAIMS, ...claims } as JWTPayload)), 'alice')
    })
  }

  test('of alice does not log in bob', async () => {
    assert.equal(await scene.logIn(await sign(key), 'bob'), 'refused')
    assert.match(whyOf(scene), /it is of alice@example\.test/)
    assert.equal(await scene.logIn(await sign(key), 'nobody'), 'refused')
  })

  test('needs every scope that is asked for', async () => {
    scene = await makeScene({ jwks: `${provider.url}/keys`, scope: ['mail.read', 'mail.send'] })
    assert.equal(await scene.logIn(await sign(key)), 'alice')
    assert.equal(await scene.logIn(await sign(key, { ...CLAIMS, scope: 'mail.read mail.sender' })), 'refused')
    assert.match(whyOf(scene), /mail\.send is missing/)
    assert.equal(await scene.logIn(await sign(key, { ...CLAIMS, scope: '', scp: ['mail.read', 'mail.send'] })), 'alice')
  })

  test('with alg none is refused', async () => {
    const token = new UnsecuredJWT(CLAIMS).encode()
    assert.equal(await scene.logIn(token), 'refused')
  })

  test('with the public key taken for a shared secret is refused', async () => {
    const secret = Buffer.from(JSON.stringify(key.jwk))
    const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256', kid: key.kid }).sign(secret)
    assert.equal(await scene.logIn(token), 'refused')
  })

  test('of an algorithm that is not allowed is refused', async () => {
    scene = await makeScene({ jwks: `${provider.url}/keys`, algorithms: ['RS256'] })
    assert.equal(await scene.logIn(await sign(key)), 'refused')
    assert.match(whyOf(scene), /ALG_NOT_ALLOWED/)
  })

  test('signed by a key of that name that is not the provider’s is refused', async () => {
    const forged = { ...other, kid: key.kid }
    assert.equal(await scene.logIn(await sign(forged)), 'refused')
    assert.match(whyOf(scene), /SIGNATURE/)
  })

  test('with a changed claim is refused', async () => {
    const [header, , signature] = (await sign(key)).split('.')
    const claims = Buffer.from(JSON.stringify({ ...CLAIMS, email: 'bob@example.test' })).toString('base64url')
    assert.equal(await scene.logIn(`${header}.${claims}.${signature}`), 'refused')
  })

  for (const [what, token] of [
    ['nothing', ''],
    ['no token', 'correct horse'],
    ['dots', '...'],
    ['an encrypted one', 'a.b.c.d.e'],
    ['far too long', 'x'.repeat(20_000)],
  ] as const) {
    test(`that is ${what} is refused without asking the provider`, async () => {
      assert.equal(await scene.logIn(token), 'refused')
      assert.deepEqual(provider.asked, [])
    })
  }

  test('is never written to the log', async () => {
    const token = await sign(key, { ...CLAIMS, email: 'carol@example.test' })
    await scene.logIn(token)
    assert.ok(!JSON.stringify(scene.log.lines).includes(token.split('.')[2]!))
  })
})

describe('the keys', () => {
  test('are fetched anew for a token of a key that is not there, and once in half a minute at most', async () => {
    assert.equal(await scene.logIn(await sign(key)), 'alice')
    for (let n = 0; n < 5; n++)
      assert.equal(await scene.logIn(await sign({ ...other, kid: `made-up-${n}` })), 'refused')
    assert.equal(provider.asked.length, 1)
    provider.answer = json({ keys: [key.jwk, other.jwk] })
    scene.now += 30_000
    assert.equal(await scene.logIn(await sign(other)), 'alice')
    assert.equal(await scene.logIn(await sign(key)), 'alice')
    assert.equal(provider.asked.length, 2)
  })

  test('are fetched once for many who log in at the same time', async () => {
    const token = await sign(key)
    assert.deepEqual(new Set(await Promise.all([1, 2, 3, 4].map(() => scene.logIn(token)))), new Set(['alice']))
    assert.equal(provider.asked.length, 1)
  })

  test('that were taken back are gone when ours have grown old', async () => {
    const token = await sign(key, { ...CLAIMS, exp: SECONDS + 86_400 })
    assert.equal(await scene.logIn(token), 'alice')
    provider.answer = json({ keys: [other.jwk] })
    scene.now += 600_000
    assert.equal(await scene.logIn(token), 'refused')
  })

  test('serve on while the provider is down, for a day', async () => {
    const token = await sign(key, { ...CLAIMS, exp: SECONDS + 1_000_000 })
    assert.equal(await scene.logIn(token), 'alice')
    provider.answer = json({}, 503)
    scene.now += 3_600_000
    assert.equal(await scene.logIn(token), 'alice')
    assert.equal(
      await scene.logIn(await sign(other, { ...CLAIMS, exp: SECONDS + 1_000_000 })),
      '454',
      'it may be a new one',
    )
    scene.now += 86_400_000
    assert.equal(await scene.logIn(token), '454')
  })

  for (const [what, answer, says] of [
    ...TROUBLES,
    ['publishes no keys', json({ keys: 'none' }), /publishes no keys/],
    ['publishes no object', json({}), /publishes no keys/],
  ] as const) {
    test(`of a provider that ${what}: 454, and the log says so`, async () => {
      provider.answer = answer
      scene = await makeScene({ jwks: `${provider.url}/keys`, ...patienceWith(what) })
      assert.equal(await scene.logIn(await sign(key)), '454')
      assert.match(whyOf(scene), says)
      assert.deepEqual(provider.asked, ['GET /keys'], 'and nothing elsewhere')
    })
  }

  test('of a provider that is down are not asked for at every log-in', async () => {
    provider.answer = json({}, 503)
    for (let n = 0; n < 5; n++) assert.equal(await scene.logIn(await sign(key)), '454')
    assert.equal(provider.asked.length, 1)
    provider.answer = json({ keys: [key.jwk] })
    scene.now += 5000
    assert.equal(await scene.logIn(await sign(key)), 'alice')
  })
})

describe('the configuration', () => {
  for (const [what, config, wish] of [
    ['neither way', {}, /one of the two/],
    ['both ways', { jwks: 'https://a.test/', introspection: 'https://a.test/' }, /one of the two/],
    ['keys by http from elsewhere', { jwks: 'http://id.example.test/keys' }, /expected an https URL/],
    ['a URL with a password', { jwks: 'https://me:secret@id.example.test/' }, /without a user/],
    ['what is no URL', { jwks: 'keys' }, /expected an https URL/],
    ['keys without an audience', { jwks: 'https://id.example.test/keys', audience: [] }, /add audience/],
    ['a shared-secret algorithm', { jwks: 'https://id.example.test/keys', algorithms: ['HS256'] }, /RS256/],
    ['a client file that is not there', { introspection: 'https://a.test/', client_file: 'no.yaml' }, /no\.yaml/],
  ] as const) {
    test(`with ${what} is refused in clear words`, async () => {
      await assert.rejects(
        makeScene(config),
        (error: unknown) => error instanceof ConfigError && wish.test(error.message),
      )
    })
  }

  test('says that tokens are checked, and passwords are left to others', async () => {
    const { contribution, hooks, call } = scene.plugin
    assert.deepEqual(contribution.checks, ['token'])
    const credentials = { kind: 'password', mechanism: 'PLAIN', login: 'alice', password: await sign(key) } as const
    assert.equal(await hooks.auth!({ peer: {} as never, credentials }, call), undefined)
    assert.equal(ISSUER.startsWith('https:'), true)
  })
})
