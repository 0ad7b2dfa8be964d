import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import { hashPassword, makePassword, verifyPassword } from '../../../plugins/auth-file/password.js'
import { makeScramKeys } from '../../../plugins/auth-file/scram.js'

const XOR = (a: Buffer, b: Buffer) => Buffer.from(a.map((byte, at) => byte ^ b[at]!))

// The exchanges printed in RFC 5802 §5 and RFC 7677 §3.
for (const { mechanism, hash, salt, auth, proof, signature } of [
  {
    mechanism: 'SCRAM-SHA-1',
    hash: 'sha1',
    salt: 'QSXCR+Q6sek8bf92',
    auth: 'n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j',
    proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    signature: 'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  },
  {
    mechanism: 'SCRAM-SHA-256',
    hash: 'sha256',
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    auth: 'n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    signature: '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  },
] as const) {
  test(`the keys for ${mechanism} are those of the RFC’s example`, async () => {
    const keys = await makeScramKeys('pencil', mechanism, 4096, Buffer.from(salt, 'base64'))
    const storedKey = Buffer.from(keys.storedKey, 'base64')
    const clientKey = XOR(Buffer.from(proof, 'base64'), createHmac(hash, storedKey).update(auth).digest())
    assert.equal(createHash(hash).update(clientKey).digest('base64'), keys.storedKey)
    const serverKey = Buffer.from(keys.serverKey, 'base64')
    assert.equal(createHmac(hash, serverKey).update(auth).digest('base64'), signature)
  })
}

test('a hash carries its own cost, so that old ones work after the cost is raised', async () => {
  const old = await hashPassword('correct horse', { ln: 12, r: 8, p: 1 })
  assert.match(old, /^\$scrypt\$ln=12,r=8,p=1\$/)
  assert.equal(await verifyPassword('correct horse', old, { ln: 14, r: 8, p: 1 }), true)
})

for (const hash of ['', 'plain', '$scrypt$ln=30,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA']) {
  test(`a hash that is none (${hash.slice(0, 15)}) fits no password and takes no memory`, async () => {
    assert.equal(await verifyPassword('', hash, { ln: 12, r: 8, p: 1 }), false)
  })
}

test('made-up passwords differ', () => {
  assert.notEqual(makePassword(), makePassword())
})
