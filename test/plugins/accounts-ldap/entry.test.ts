/** What is made of an entry without a directory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountOf } from '../../../plugins/accounts-ldap/entry.js'

const WANTED: Parameters<typeof accountOf>[1] = {
  name: 'ldap',
  attributes: { id: 'entryUUID', login: 'uid', addresses: ['{uid}@example.test'] },
  quota_unit: 'B',
  disabled_values: [],
}

for (const uid of ['a$$b', 'a$&b', "a$'b", 'a$`b']) {
  test(`an address made of ${uid} is that of ${uid} and of nobody else`, () => {
    const { addresses } = accountOf({ dn: 'x', entryUUID: '1', uid }, WANTED, new Set(['example.test']))
    assert.deepEqual(addresses, [`${uid}@example.test`])
  })
}
