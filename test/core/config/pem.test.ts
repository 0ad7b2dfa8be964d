/** Certificate and key are judged when the configuration is read. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pemTrouble } from '../../../core/config/pem.js'
import { selfSigned } from '../../../core/net/certificate.js'
import { TEST_CERT, TEST_KEY } from '../../harness/test-cert.js'

const OTHER = selfSigned({ names: ['other.test'], now: 0 })

for (const [what, certificate, key, wish] of [
  ['a pair', TEST_CERT, TEST_KEY, undefined],
  ['text in place of a certificate', 'junk', TEST_KEY, 'certificate: expected a file with a certificate in PEM form'],
  [
    'text in place of a key',
    TEST_CERT,
    'junk',
    'key: expected a file with a private key in PEM form, without passphrase',
  ],
  ['the key of another', TEST_CERT, OTHER.key, 'key: this is not the key of that certificate'],
] as const) {
  test(`${what} is ${wish === undefined ? 'right' : 'a fault'}`, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-pem-'))
    try {
      await writeFile(join(dir, 'c.pem'), certificate)
      await writeFile(join(dir, 'k.pem'), key)
      const trouble = pemTrouble(join(dir, 'c.pem'), join(dir, 'k.pem'))
      assert.equal(trouble && `${trouble.key}: ${trouble.message}`, wish)
    } finally {
      await rm(dir, { recursive: true })
    }
  })
}

test('files that are not there, or not for us, are left to others', () => {
  assert.equal(pemTrouble('/nowhere/c.pem', '/nowhere/k.pem'), undefined)
})
