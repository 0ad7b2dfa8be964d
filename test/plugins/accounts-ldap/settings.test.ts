/** What an admin hears of a wrong entry, with its place; and a right one needs no server to be checked. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/index.js'
import accountsLdap from '../../../plugins/accounts-ldap/index.js'

const folder = mkdtempSync(join(tmpdir(), 'accounts-ldap-settings-'))
after(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'ldap.password'), 'secret\n')
writeFileSync(join(folder, 'empty.password'), '\nsecret\n')

function open(config: object) {
  const server = { dataDir: folder, configDir: folder, domains: new Set(['example.test']) }
  return setUp(accountsLdap, {
    config: { servers: ['ldap://127.0.0.1:1'], base: 'dc=test', ...config },
    server,
  })
}

for (const [what, config, words] of [
  [
    'a name that no filter has',
    { login_filter: '(uid={loginn})' },
    /\{loginn\} has no meaning here; did you mean \{login\}\?/,
  ],
  ['a login in the filter for addresses', { address_filter: '(mail={login})' }, /\{login\} has no meaning here/],
  ['a filter that asks for everybody', { login_filter: '(uid=*)' }, /asks for nobody in particular/],
  ['a name in the filter for all', { list_filter: '(uid={login})' }, /this filter is for everybody/],
  ['a filter that is none', { address_filter: '(&(mail={address})' }, /cannot be read as a filter/],
  ['an address of no attribute', { attributes: { addresses: ['mail', 'x y'] } }, /expected an attribute/],
  ['bits of nothing', { disabled_bits: 2 }, /name attributes\.disabled/],
  ['an authority that is not there', { ca: 'none.pem' }, /none\.pem: ENOENT/],
  ['a password that is not there', { bind_dn: 'cn=x', password_file: 'none' }, /its password cannot be read: .*ENOENT/],
  ['an empty password', { bind_dn: 'cn=x', password_file: 'empty.password' }, /begins with an empty line/],
  ['a server that is no address', { servers: ['ldap.example.test'] }, /expected ldap:\/\/HOST/],
  ['a server with a user in it', { servers: ['ldap://x:y@ldap.example.test'] }, /expected ldap:\/\/HOST/],
  ['a name that no id can begin with', { name: 'My LDAP' }, /begins the ids of its accounts/],
] as const) {
  test(`${what} is a fault`, async () => {
    await assert.rejects(open(config), (error: unknown) => error instanceof ConfigError && words.test(error.message))
  })
}

test('a right entry is right without its server', async () => {
  const { contribution, end } = await open({ bind_dn: 'cn=x,dc=test', login_filter: 'uid={login}' })
  assert.deepEqual(Object.keys(contribution.services ?? {}), ['accounts'])
  await end()
})
