/** Channel binding data: both ends of a TLS connection must come to the same octets. */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import type { Connection } from '../../../core/api/index.js'
import { openListener } from '../../../core/net/listener.js'
import { signatureHash } from '../../../core/net/signature-hash.js'
import { rememberingLog } from '../../../core/testing/index.js'
import { runProgram } from '../../harness/programs.js'
import { program } from '../../harness/shared.js'
import { TEST_CERT, TEST_KEY } from '../../harness/test-cert.js'
import { tlsOf } from '../../harness/tls.js'

const openssl = program('openssl')

/** What a connection of that version has, on the server and on the client. */
async function bothEnds(version: 'TLSv1.2' | 'TLSv1.3') {
  let served: (connection: Connection) => void = () => undefined
  const connected = new Promise<Connection>(resolve => {
    served = resolve
  })
  const door = await openListener(
    {
      name: 'imaps',
      protocol: 'imap',
      address: '127.0.0.1:0',
      tls: 'implicit',
      serve: async connection => {
        served(connection)
        await once(connection.socket.resume(), 'end')
      },
    },
    {
      tls: tlsOf(TEST_CERT, TEST_KEY),
      log: rememberingLog(),
      clock: Date,
      drain: new AbortController().signal,
      maxConnections: 5,
    },
  )
  const port = Number(door.address.split(':').at(-1))
  const socket = tlsConnect({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  })
  await once(socket, 'secureConnect')
  const { binding } = await connected
  const server = { exporter: binding.data('tls-exporter'), endPoint: binding.data('tls-server-end-point') }
  const again = binding.data('tls-exporter')
  const client = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
  socket.end()
  door.stop()
  await door.idle
  return { server, client, again }
}

const END_POINT = createHash('sha256').update(new X509Certificate(TEST_CERT).raw).digest()

test('in TLS 1.3 both ends come to the same tls-exporter, and no two connections to the same', async () => {
  const one = await bothEnds('TLSv1.3')
  const two = await bothEnds('TLSv1.3')
  assert.deepEqual(one.server.exporter, one.client)
  assert.equal(one.again, one.server.exporter)
  assert.notDeepEqual(one.client, two.client)
  assert.deepEqual(one.server.endPoint, END_POINT)
})

test('in TLS 1.2 there is tls-server-end-point alone', async () => {
  const { server } = await bothEnds('TLSv1.2')
  assert.equal(server.exporter, undefined)
  assert.deepEqual(server.endPoint, END_POINT)
})

for (const [what, key, options, hash] of [
  ['ECDSA with SHA-384', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['-sha384'], 'sha384'],
  ['RSA with SHA-512', ['rsa:2048'], ['-sha512'], 'sha512'],
  ['RSA with SHA-1', ['rsa:2048'], ['-sha1'], 'sha256'],
  ['RSA-PSS with SHA-384', ['rsa:2048'], ['-sha384', '-sigopt', 'rsa_padding_mode:pss'], 'sha384'],
  ['Ed25519', ['ed25519'], [], undefined],
] as const) {
  test(`a certificate signed by ${what} is hashed with ${hash ?? 'nothing'}`, {
    skip: openssl === undefined,
  }, async t => {
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-cert-'))
    t.after(() => rm(dir, { recursive: true }))
    const out = join(dir, 'c.pem')
    const args = ['req', '-x509', '-nodes', '-newkey', ...key, '-subj', '/CN=x', '-days', '2', ...options]
    const { code, stderr } = await runProgram(openssl!, [...args, '-keyout', join(dir, 'k.pem'), '-out', out])
    assert.equal(code, 0, stderr)
    assert.equal(signatureHash(new X509Certificate(await readFile(out)).raw), hash)
  })
}

test('what is no certificate has no hash', () => {
  const whole = new X509Certificate(TEST_CERT).raw
  assert.equal(signatureHash(whole), 'sha256')
  for (let length = 0; length < whole.length; length++)
    assert.equal(signatureHash(whole.subarray(0, length)), undefined)
})
