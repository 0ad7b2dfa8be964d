/** Addresses as the agent knows them, and as a directory has them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillFilter, valuesOfAddress } from '../../../plugins/accounts-ldap/template.js'

for (const [key, filter] of [
  ['ann@example.test', '(mail=ann@example.test)(uid=ann)'],
  ['ann b@example.test', '(mail=\\22ann\\20b\\22@example.test)(uid=ann\\20b)'],
  ['a*@b)@example.test', '(mail=\\22a\\2a@b\\29\\22@example.test)(uid=a\\2a@b\\29)'],
  ['jörg@example.test', '(mail=jörg@example.test)(uid=jörg)'],
] as const) {
  test(`${key} is searched for as ${filter}`, () => {
    assert.equal(fillFilter('(mail={address})(uid={local})', valuesOfAddress(key)!), filter)
  })
}

test('what has no domain is nobody', () => {
  assert.equal(valuesOfAddress('ann'), undefined)
})
