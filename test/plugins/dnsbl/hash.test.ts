/** What lists of hashes are asked for: the one form of a mail address or link, and its hash. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalEmail, hashed, hostAndPath } from '../../../plugins/dnsbl/hash.js'

for (const [email, terms, wanted] of [
  ['User@Example.TEST', {}, 'user@example.test'],
  ['user+tag@example.test', {}, 'user@example.test'],
  ['user+tag@example.test', { cutTags: false }, 'user+tag@example.test'],
  ['+tag@example.test', {}, '+tag@example.test'],
  ['U.s.er+x@gmail.com', {}, 'user@gmail.com'],
  ['u.ser@GoogleMail.com', {}, 'user@gmail.com'],
  ['u.ser@googlemail.com', { foldGmail: false }, 'u.ser@googlemail.com'],
  ['u.ser@example.test', {}, 'u.ser@example.test'],
] as const) {
  test(`${email} with ${JSON.stringify(terms)} is asked for as ${wanted}`, () => {
    const [local, domain] = email.split('@') as [string, string]
    assert.equal(canonicalEmail(local, domain, { cutTags: true, foldGmail: true, ...terms }), wanted)
  })
}

// Reckoned with Python's hashlib and base64.
for (const [hash, encoding, text, wanted] of [
  ['sha1', 'hex', 'user@example.test', '99fd516b7bfd003b106881c09a54275fdeedf9a4'],
  ['md5', 'hex', 'bit.ly/abC', '0edb4309b851383ce66a5e4c5889947e'],
  ['sha256', 'base32', 'user@example.test', 'lwkiyvlt4hjup74slekgcdkicy4di73z55s2isq6yknqlisekhbq'],
] as const) {
  test(`${hash} in ${encoding} is what other programs make of it`, () => {
    assert.equal(hashed(text, { hash, encoding }), wanted)
  })
}

test('of a link host and path count, in the letters of the path', () => {
  assert.equal(hostAndPath(new URL('HTTPS://Bit.LY:8443/abC?x=1#y')), 'bit.ly/abC')
})
