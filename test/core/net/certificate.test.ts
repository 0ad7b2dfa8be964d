/** The self-signed certificate, as node and openssl see it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { selfSigned } from '../../../core/net/certificate.js'
import { integer, oid, time } from '../../../core/net/der.js'
import { ensureSelfSigned } from '../../../core/net/self-signed.js'
import { program } from '../../harness/shared.js'
import { tlsOf } from '../../harness/tls.js'

const NOW = Date.UTC(2026, 0, 15)
const NAMES = ['mail.example.test', 'localhost', '127.0.0.1', '::1']
const DAY = 24 * 3600_000

async function inDir(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-tls-'))
  try {
    await work(dir)
  } finally {
    await rm(dir, { recursive: true })
  }
}

for (const [octets, hex] of [
  [[0], '020100'],
  [[0, 0, 5], '020105'],
  [[0x80], '02020080'],
  [[0x7f, 0xff], '02027fff'],
] as const) {
  test(`integer of octets ${octets.join(' ')} is ${hex}`, () => {
    assert.equal(integer(Buffer.from(octets)).toString('hex'), hex)
  })
}

test('object identifiers use base 128', () => {
  assert.equal(oid('1.2.840.10045.4.3.2').toString('hex'), '06082a8648ce3d040302')
})

for (const [year, text] of [
  [2049, '490101000000Z'],
  [2050, '20500101000000Z'],
] as const) {
  test(`a time of ${year} is written ${text}`, () => {
    assert.equal(
      time(Date.UTC(year, 0, 1))
        .subarray(2)
        .toString(),
      text,
    )
  })
}

test('it names every way the server is reached and belongs to its key', () => {
  const pair = selfSigned({ names: NAMES, now: NOW })
  const certificate = new X509Certificate(pair.certificate)
  assert.equal(certificate.checkHost('mail.example.test'), 'mail.example.test')
  assert.equal(certificate.checkHost('localhost'), 'localhost')
  assert.equal(certificate.checkHost('other.example.test'), undefined)
  assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1')
  assert.equal(certificate.checkIP('::1'), '::1')
  assert.equal(certificate.ca, false)
  assert.ok(certificate.checkPrivateKey(createPrivateKey(pair.key)))
  assert.ok(certificate.verify(certificate.publicKey))
  assert.equal(Date.parse(certificate.validFrom), NOW - DAY)
  assert.equal(Date.parse(certificate.validTo), NOW + 3650 * DAY)
})

test('openssl reads and verifies it', { skip: program('openssl') === undefined && 'openssl is not installed' }, () =>
  inDir(async dir => {
    const file = join(dir, 'certificate.pem')
    await writeFile(file, selfSigned({ names: NAMES, now: Date.now() }).certificate)
    const text = execFileSync('openssl', ['x509', '-in', file, '-noout', '-text'], { encoding: 'utf8' })
    assert.match(text, /DNS:mail\.example\.test, DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/)
    assert.match(text, /ecdsa-with-SHA256/)
    const options = ['-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'mail.example.test']
    assert.match(execFileSync('openssl', ['verify', '-CAfile', file, ...options, file], { encoding: 'utf8' }), /: OK/)
  }),
)

test('it is made once, for the owner alone, and found again', () =>
  inDir(async dir => {
    const selfSignedDir = join(dir, 'tls', 'self-signed')
    const wish = { selfSignedDir, name: 'mail.example.test', now: NOW }
    const [first, second] = await Promise.all([ensureSelfSigned(wish), ensureSelfSigned(wish)])
    assert.deepEqual(first, second)
    assert.deepEqual(await ensureSelfSigned(wish), first)
    for (const name of ['certificate.pem', 'key.pem']) {
      assert.equal((await stat(join(selfSignedDir, name))).mode & 0o777, 0o600)
    }
  }))

for (const [why, change] of [
  ['it has run out', { now: NOW + 3651 * DAY }],
  ['the server has another name', { name: 'post.example.test' }],
] as const) {
  test(`it is made anew when ${why}`, () =>
    inDir(async dir => {
      const wish = { selfSignedDir: join(dir, 'self-signed'), name: 'mail.example.test', now: NOW }
      const first = await ensureSelfSigned(wish)
      const second = await ensureSelfSigned({ ...wish, ...change })
      assert.notEqual(first.certificate, second.certificate)
      assert.equal(await readFile(join(wish.selfSignedDir, 'key.pem'), 'utf8'), second.key)
    }))
}

test('a key that does not belong to the certificate is refused', () => {
  const [one, other] = [selfSigned({ names: NAMES, now: NOW }), selfSigned({ names: NAMES, now: NOW })]
  assert.throws(() => tlsOf(one.certificate, other.key), /key values mismatch/)
})
