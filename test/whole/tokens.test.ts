/** Logging in by tokens of an identity provider to a whole server, with curl; the provider is on loopback, and goes down. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { type ProgramResult, runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { AUDIENCE, CLAIMS, ISSUER, json, makeKey, Provider, sign } from '../plugins/auth-oauth/provider.js'

const ALICE = 'alice@example.test'
const curl = program('curl')
/** CURLE_LOGIN_DENIED */
const DENIED = 67

describe('a started server that knows an identity provider', { skip: curl ? false : 'no curl' }, () => {
  let instance: Instance
  let provider: Provider

  before(async () => {
    provider = await Provider.start(json({}, 503))
    const config = { issuer: ISSUER, audience: [AUDIENCE], jwks: `${provider.url}/keys`, scope: ['mail.read'] }
    instance = await Instance.make({
      without: CONTENT,
      users: [[ALICE, 'correct horse']],
      plugins: { imap: { login_delay: '0s' }, pop3: { login_delay: '0s' } },
      first: [{ use: 'auth-oauth', with: config }],
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await provider?.stop()
  })

  function logIn(url: string, token: string, mechanism: string, ...more: string[]): Promise<ProgramResult> {
    const who = ['-u', ALICE, '--oauth2-bearer', token, '--login-options', `AUTH=${mechanism}`]
    return runProgram(curl!, ['-vsSk', url, ...who, ...more])
  }

  const now = () => Math.floor(Date.now() / 1000)

  test('puts log-ins off while the provider is down, takes tokens when it is up, and says no to bad ones', async () => {
    const { imaps, pop3s, submissions } = instance.ports
    const url = `imaps://127.0.0.1:${imaps}/`
    const key = await makeKey('one')
    const token = await sign(key, { ...CLAIMS, exp: now() + 300 })
    assert.match((await logIn(url, token, 'OAUTHBEARER')).stderr, /NO \[UNAVAILABLE\] Cannot check tokens right now/)
    await instance.logged(/tokens cannot be checked/)
    // Keys are not asked for again within five seconds of a failure.
    provider.answer = json({ keys: [key.jwk] })
    await eventually(async () => ((await logIn(url, token, 'OAUTHBEARER')).code === 0 ? true : undefined))
    for (const mechanism of ['OAUTHBEARER', 'XOAUTH2']) {
      for (const door of [url, `pop3s://127.0.0.1:${pop3s}/`])
        assert.equal((await logIn(door, token, mechanism)).code, 0, `${mechanism} at ${door}`)
      const smtp = await logIn(`smtps://127.0.0.1:${submissions}`, token, mechanism, '-X', 'NOOP')
      assert.match(smtp.stderr, /235 2\.7\.0/)
    }
    const late = await sign(key, { ...CLAIMS, exp: now() - 300 })
    assert.equal((await logIn(url, late, 'OAUTHBEARER')).code, DENIED)
    await instance.logged(/exp.*token refused/)
    const forged = await sign({ ...(await makeKey('one')), kid: 'one' }, { ...CLAIMS, exp: now() + 300 })
    assert.equal((await logIn(url, forged, 'XOAUTH2')).code, DENIED)
    assert.ok(!instance.log.includes(token.split('.')[1]!))
  })
})
