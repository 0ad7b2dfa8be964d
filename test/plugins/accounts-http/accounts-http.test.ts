/** Accounts of an application over HTTP: the contract, what is sent, and answers that are none. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { ConfigError, MailError } from '../../../core/api/index.js'
import { accountsContract } from '../../contracts/accounts.js'
import { certify } from '../../harness/authority.js'
import { type AppAccount, type Application, anApplication } from './application.js'
import { file, type Rig, rig } from './rig.js'

const ANN: AppAccount = { id: '17', login: 'ann', addresses: ['ann@example.test'], password: 'ann secret' }
const isTrouble = (words: RegExp) => (error: unknown) =>
  error instanceof MailError && error.errorCode === 'directory-unavailable' && words.test(error.message)

async function open(t: TestContext, config: object = {}, people = [ANN]): Promise<Rig & { app: Application }> {
  const app = await anApplication(people)
  t.after(() => app.end())
  const made = await rig({ url: app.url, timeout: '2s', ...config })
  t.after(() => made.end())
  return { ...made, app }
}

accountsContract({
  name: 'accounts-http',
  async open(t, known) {
    const people = known.map((one, at) => ({ id: `p${at}`, ...one }))
    const { app, accounts, logIn } = await open(t, {}, people)
    return {
      accounts,
      logIn,
      strangeId: 'http-nobody',
      async again() {
        const made = await rig({ url: app.url })
        t.after(() => made.end())
        return made.accounts
      },
      cutOff: () => app.end(),
    }
  },
})

describe('what is asked', () => {
  test('is one object in JSON, with the token', async t => {
    file('app.token', 'abc.def\n')
    const { accounts, logIn, app } = await open(t, { token_file: 'app.token' })
    await accounts.byLogin('Ann')
    await accounts.byAddress('ann@example.test')
    await accounts.byId('http-17')
    await logIn('ann', 'pass "wörd')
    assert.deepEqual(app.asked, [
      { ask: 'login', login: 'Ann' },
      { ask: 'address', address: 'ann@example.test' },
      { ask: 'id', id: '17' },
      { ask: 'password', login: 'ann', password: 'pass "wörd', protocol: 'smtp', remote: '192.0.2.1' },
    ])
    assert.ok(app.headers.every(({ authorization }) => authorization === 'Bearer abc.def'))
  })

  test('of a quoted local part is about the address as mail writes it', async t => {
    const people = [{ ...ANN, addresses: ['"ann b"@example.test'] }]
    const { accounts, app } = await open(t, {}, people)
    const [known] = (await accounts.byLogin('ann'))!.addresses
    assert.equal((await accounts.byAddress(known!))?.id, 'http-17')
    assert.deepEqual(app.asked.at(-1), { ask: 'address', address: '"ann b"@example.test' })
  })

  test('is nothing about other domains, other sources’ ids and names nobody can have', async t => {
    const { accounts, logIn, app } = await open(t, { domains: ['example.test'] })
    for (const name of ['ann@other.test', '', 'x'.repeat(400)]) {
      assert.equal(await accounts.byLogin(name), undefined)
      assert.equal(await accounts.byAddress(name), undefined)
      assert.equal(await logIn(name, 'ann secret'), undefined)
    }
    for (const id of ['a1b2c3d4e5', 'http', 'http-', 'http-a/b', `http-${'x'.repeat(41)}`])
      assert.equal(await accounts.byId(id), undefined)
    assert.deepEqual(app.asked, [])
    assert.equal((await accounts.byLogin('ann'))?.id, 'http-17')
  })

  test('of a list comes page by page, and no more than is wanted', async t => {
    const people = ['1', '2', '3', '4', '5'].map(id => ({ ...ANN, id, login: `p${id}`, addresses: [] }))
    const { accounts, app } = await open(t, {}, people)
    assert.equal((await accounts.list()).length, 5)
    assert.deepEqual(
      app.asked.map(({ after }) => after),
      [undefined, '2', '4'],
    )
    assert.deepEqual(
      (await accounts.list(3)).map(({ login }) => login),
      ['p1', 'p2', 'p3'],
    )
  })

  test('after an idle connection was closed is asked again, and nobody notices', async t => {
    const { accounts, app } = await open(t)
    await accounts.byLogin('ann')
    await app.end()
    await app.begin()
    assert.equal((await accounts.byLogin('ann'))?.login, 'ann')
  })
})

const json = (value: unknown) => (response: ServerResponse) => void response.end(JSON.stringify(value))
const account = (more: object) => json({ account: { id: '1', login: 'x', addresses: [], ...more } })

describe('an answer that is none is trouble, and nobody is said not to exist:', () => {
  for (const [what, instead, words] of [
    [
      '404',
      (response: ServerResponse) => void response.writeHead(404).end('{"account":null}'),
      /answers 404, where only 200 is an answer/,
    ],
    ['a redirect', (response: ServerResponse) => void response.writeHead(302, { location: '/' }).end(), /answers 302/],
    ['an error', (response: ServerResponse) => void response.writeHead(500).end(), /answers 500/],
    ['no JSON', (response: ServerResponse) => void response.end('<html>'), /does not answer in JSON/],
    ['a list', json([]), /does not answer an object/],
    ['an empty object', json({}), /answers no "account"/],
    ['an account that is text', json({ account: 'ann' }), /answers no "account"/],
    ['no id', account({ id: undefined }), /without an "id"/],
    ['an id that could be a path', account({ id: '../1' }), /without an "id"/],
    ['no login', account({ login: '' }), /account 1 with no "login"/],
    ['addresses that are numbers', account({ addresses: [1] }), /"addresses" that are no list of texts/],
    ['a quota in words', account({ quotaBytes: '1GB' }), /quotaBytes "1GB", which is no whole number/],
    ['a negative quota', account({ quotaMessages: -1 }), /quotaMessages -1/],
    ['disabled by a word', account({ disabled: 'yes' }), /neither true nor false/],
    ['limits that are numbers', account({ limits: { messages: 5 } }), /"limits" that are no texts/],
    [
      'far too much',
      (response: ServerResponse) => void response.end(`{"account":"${'x'.repeat(9_000_000)}"}`),
      /more than \d+ octets/,
    ],
    ['a hang-up', (response: ServerResponse) => void response.destroy(), /does not answer/],
    [
      'half of one',
      (response: ServerResponse) => void response.writeHead(200, { 'content-length': '100' }).write('{'),
      /does not answer in time/,
    ],
  ] as const) {
    test(what, async t => {
      const { accounts, logIn, app } = await open(t, { timeout: '500ms' })
      app.instead = instead
      await assert.rejects(accounts.byLogin('ann'), isTrouble(words))
      assert.deepEqual(await logIn('ann', 'ann secret'), {
        kind: 'defer',
        code: 454,
        status: '4.7.0',
        text: 'Cannot check passwords right now, try again later',
      })
    })
  }

  test('a password of which it does not say whether it is right', async t => {
    const { logIn, app } = await open(t)
    app.instead = account({})
    assert.equal((await logIn('x', 'y'))?.kind, 'defer')
  })

  test('a list that does not go on', async t => {
    const { accounts, app } = await open(t)
    app.instead = json({ accounts: [], next: 'more' })
    await assert.rejects(accounts.list(), isTrouble(/does not go on/))
  })
})

describe('while it is away', () => {
  test('a password that was right counts for so long, and no other', async t => {
    const { logIn, app, clock } = await open(t, { remember_while_down: '1h' }, [
      ANN,
      { ...ANN, id: '18', login: 'bob', addresses: [] },
    ])
    assert.equal((await logIn('ann', 'ann secret'))?.kind, 'authenticated')
    await app.end()
    clock.at += 3_599_000
    assert.equal((await logIn('ann', 'ann secret'))?.kind, 'authenticated')
    assert.equal((await logIn('ann', 'other'))?.kind, 'defer')
    assert.equal((await logIn('bob', 'ann secret'))?.kind, 'defer')
    clock.at += 2_000
    assert.equal((await logIn('ann', 'ann secret'))?.kind, 'defer')
  })

  test('more questions than may wait fail at once, and log-ins are told that there are too many', async t => {
    const { accounts, logIn, app } = await open(t, { connections: 1, waiting: 0 })
    let answer = () => undefined as unknown
    const heard = new Promise<void>(resolve => {
      app.instead = response => {
        answer = () => response.end('{"account":null}')
        resolve()
      }
    })
    const first = accounts.byLogin('ann')
    await heard
    await assert.rejects(accounts.byLogin('bob'), isTrouble(/too many questions/))
    const said = await logIn('bob', 'x')
    assert.ok(said?.kind === 'defer' && /Too many log-ins/.test(said.text))
    answer()
    assert.equal(await first, undefined)
  })
})

describe('the certificate of the application', () => {
  const authority = certify({ commonName: 'Application Authority', authority: true })

  for (const [what, names, ca, words] of [
    ['right', ['localhost'], true, undefined],
    ['of another name', ['other.test'], true, /does not match certificate/],
    ['of nobody the system trusts', ['localhost'], false, /unable to verify|self-signed|unable to get/],
  ] as const) {
    test(`is ${what}`, async t => {
      const app = await anApplication([ANN], certify({ commonName: 'application', by: authority, names }))
      t.after(() => app.end())
      file('app-ca.pem', authority.cert)
      const made = await rig({ url: app.url, ...(ca && { ca: 'app-ca.pem' }) })
      t.after(() => made.end())
      if (words === undefined) assert.equal((await made.accounts.byLogin('ann'))?.login, 'ann')
      else await assert.rejects(made.accounts.byLogin('ann'), isTrouble(words))
      assert.equal(app.asked.length, words === undefined ? 1 : 0)
    })
  }
})

describe('a fault of the entry is', () => {
  file('spaces.token', 'a b\n')
  for (const [what, config, words] of [
    ['a URL in clear', { url: 'http://app.example.test/' }, /expected an https URL/],
    ['a URL with a user', { url: 'https://x:y@app.example.test/' }, /expected an https URL/],
    ['a URL that is none', { url: 'app' }, /expected an https URL/],
    ['a token that is not there', { token_file: 'none' }, /none: ENOENT/],
    ['a token with a space', { token_file: 'spaces.token' }, /without spaces/],
    ['an authority that is not there', { ca: 'none.pem' }, /none\.pem: ENOENT/],
  ] as const)
    test(what, () =>
      assert.rejects(
        rig({ url: 'https://app.example.test/', ...config }),
        (error: unknown) => error instanceof ConfigError && words.test(error.message),
      ),
    )
})
