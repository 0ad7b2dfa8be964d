import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Account, type Accounts, type ClientCertificate, ConfigError, MailError } from '../../../core/api/index.js'
import { aSession, type SetUp, setUp } from '../../../core/testing/index.js'
import authCertificate from '../../../plugins/auth-certificate/index.js'

const folder = mkdtempSync(join(tmpdir(), 'auth-certificate-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let count = 0

const PRINT = 'ab'.repeat(32)
const ALICE: Account = { id: 'aalice00', login: 'alice', addresses: ['alice@example.test', 'al@example.test'] }
const BOB: Account = { id: 'abob0000', login: 'bob', addresses: ['bob@example.test'] }
const GONE: Account = { id: 'agone000', login: 'gone', addresses: ['gone@example.test'], disabled: true }
const ALL = [ALICE, BOB, GONE]
const directory: Accounts = {
  byLogin: async login => ALL.find(account => account.login === login.toLowerCase()),
  byAddress: async address => ALL.find(account => account.addresses.includes(address)),
  byId: async id => ALL.find(account => account.id === id),
  list: async () => ALL,
}

function certificate(more: Partial<ClientCertificate> = {}): ClientCertificate {
  return { fingerprint: 'cd'.repeat(32), addresses: [], hosts: [], ...more }
}

async function install(config: object = {}, list?: string, accounts: Partial<Accounts> = {}): Promise<SetUp> {
  const configDir = mkdtempSync(join(folder, `${count++}-`))
  if (list !== undefined) writeFileSync(join(configDir, 'certificates.yaml'), list)
  return setUp(authCertificate, {
    config,
    server: { configDir },
    services: { accounts: { ...directory, ...accounts } },
  })
}

async function logIn({ hooks, call }: SetUp, shown: ClientCertificate, login = ''): Promise<string> {
  const credentials = { kind: 'certificate', mechanism: 'EXTERNAL', login, certificate: shown } as const
  const answer = await hooks.auth!({ peer: aSession(), credentials }, call)
  if (!answer) return 'unknown'
  return answer.kind === 'authenticated' ? answer.account.login : answer.kind
}

const COLONS = PRINT.toUpperCase().match(/../g)!.join(':')
const LIST = `- fingerprint: ${COLONS}\n  login: alice\n  note: her laptop\n`
const EVERY_WAY = { by: ['fingerprint', 'address', 'name'] }

describe('a certificate', () => {
  for (const [what, config, shown, login, owner] of [
    ['of the list is its account’s', {}, { fingerprint: PRINT }, '', 'alice'],
    ['of the list may wish for its own account', {}, { fingerprint: PRINT }, 'alice', 'alice'],
    ['of the list may not wish for another account', {}, { fingerprint: PRINT }, 'bob', 'reject'],
    ['of the list may not wish for nobody', {}, { fingerprint: PRINT }, 'nobody', 'reject'],
    ['that is not on the list is unknown', {}, { addresses: ['bob@example.test'], name: 'bob' }, '', 'unknown'],
    ['with an address is its account’s', { by: ['address'] }, { addresses: ['Bob@Example.test'] }, '', 'bob'],
    ['with two of an account is its', EVERY_WAY, { addresses: [...ALICE.addresses] }, '', 'alice'],
    [
      'with addresses of two accounts is nobody’s',
      EVERY_WAY,
      { addresses: ['bob@example.test', 'al@example.test'] },
      '',
      'unknown',
    ],
    ['with a login for its name is that one’s', { by: ['name'] }, { name: 'bob' }, '', 'bob'],
    ['with a name of JavaScript’s own is nobody’s', EVERY_WAY, { name: '__proto__' }, '', 'unknown'],
    ['with an empty name is nobody’s', EVERY_WAY, { name: '' }, '', 'unknown'],
    ['of a disabled account is refused', EVERY_WAY, { name: 'gone' }, '', 'reject'],
    ['is whose the first way says', EVERY_WAY, { fingerprint: PRINT, name: 'bob' }, '', 'alice'],
  ] as const) {
    test(what, async () => {
      assert.equal(await logIn(await install(config, LIST), certificate(shown as object), login), owner)
    })
  }

  test('is all it checks, and it says so', async () => {
    const { contribution, hooks, call } = await install({}, LIST)
    assert.deepEqual(contribution.checks, ['certificate'])
    const credentials = { kind: 'password', mechanism: 'PLAIN', login: 'alice', password: PRINT } as const
    assert.equal(await hooks.auth!({ peer: aSession(), credentials }, call), undefined)
  })

  test('is no reason to refuse while the directory has trouble: it throws, and core asks to come again', async () => {
    const byLogin = () => Promise.reject(new MailError('directory-unavailable', 'down'))
    await assert.rejects(logIn(await install({}, LIST, { byLogin }), certificate({ fingerprint: PRINT })), MailError)
  })
})

describe('the list', () => {
  test('may be missing', async () => {
    assert.equal(await logIn(await install(), certificate({ fingerprint: PRINT })), 'unknown')
  })

  for (const [what, list, wish] of [
    ['a fingerprint of SHA-1', `- { fingerprint: '${'ab'.repeat(20)}', login: alice }\n`, /certificates\.yaml:1:/],
    [
      'a fingerprint twice',
      `${LIST}- { fingerprint: ${PRINT}, login: bob }\n`,
      /:4:\d+: stands there already, for alice/,
    ],
    ['an entry without a login', `- { fingerprint: ${PRINT} }\n`, /login/],
  ] as const) {
    test(`with ${what} stops the start and says where`, async () => {
      await assert.rejects(
        install({}, list),
        (error: unknown) => error instanceof ConfigError && wish.test(error.message),
      )
    })
  }
})
