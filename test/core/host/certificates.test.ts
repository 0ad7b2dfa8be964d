/** Which certificates a server has when what was issued to it cannot be used, at a start and at a reload. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CertificateKeeper } from '../../../core/host/certificates.js'
import { selfSigned } from '../../../core/net/certificate.js'
import type { TlsMaterial } from '../../../core/net/types.js'
import { rememberingLog } from '../../harness/log.js'

const ISSUED = selfSigned({ names: ['mail.example.test'], now: Date.now() })

async function keeper(t: TestContext, issued: string) {
  const dataDir = await mkdtemp(join(tmpdir(), 'posthouse-certificates-'))
  t.after(() => rm(dataDir, { recursive: true }))
  const path = join(dataDir, 'tls/issued/mail.example.test.pem')
  await mkdir(join(dataDir, 'tls/issued'), { recursive: true })
  await writeFile(path, issued)
  const log = rememberingLog()
  const given: TlsMaterial[] = []
  const it = new CertificateKeeper({ log: () => log, give: material => given.push(material) })
  const wanted = { dataDir, name: 'mail.example.test', tls: { pairs: [], minVersion: 'TLSv1.2' } } as const
  return { it, wanted, path, log, given }
}

test('a server whose only certificate is broken starts with one of its own making, and takes the mended one', async t => {
  const { it, wanted, path, log, given } = await keeper(t, 'half a cert')
  const prepared = await it.prepare(wanted)
  prepared.use()
  assert.deepEqual(
    it.material.pairs.map(({ origin }) => origin),
    [join(wanted.dataDir, 'tls/self-signed/certificate.pem')],
  )
  assert.ok(log.lines.some(({ sentence }) => sentence === 'certificate is wrong and left out'))
  assert.equal((await it.look(true)).changed, false)
  await writeFile(path, ISSUED.key + ISSUED.certificate)
  assert.equal((await it.look(false)).changed, true)
  assert.deepEqual(
    given.at(-1)?.pairs.map(({ origin }) => origin),
    [path],
  )
})

test('a reload that finds the issued certificate broken goes on with what was good before', async t => {
  const { it, wanted, path, log } = await keeper(t, ISSUED.key + ISSUED.certificate)
  ;(await it.prepare(wanted)).use()
  await writeFile(path, 'half a cert')
  ;(await it.prepare(wanted)).use()
  assert.deepEqual(
    it.material.pairs.map(({ certificate }) => certificate.trim()),
    [ISSUED.certificate.trim()],
  )
  assert.ok(log.lines.some(({ sentence }) => sentence === 'certificate is wrong, the one before it stays'))
})
