/** What is pretended of logins that nobody has, and the secret it is made of. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pretendKeys, readSecret } from '../../../core/sasl/pretence.js'

test('pretended keys are of another salt for each mechanism', () => {
  const shape = { iterations: 4096, saltBytes: 16 }
  const salts = (['SCRAM-SHA-1', 'SCRAM-SHA-256'] as const).map(
    mechanism => pretendKeys(Buffer.alloc(32), mechanism, 'nobody', shape).salt,
  )
  assert.notEqual(salts[0], salts[1])
})

test('the secret is made once, whoever is first, for the owner alone', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-secret-'))
  t.after(() => rm(dir, { recursive: true }))
  const path = join(dir, 'data', 'sasl-secret')
  const secrets = await Promise.all(Array.from({ length: 5 }, () => readSecret(path)))
  for (const secret of secrets) assert.ok(secret.equals(secrets[0]!))
  assert.equal(secrets[0]!.length, 32)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal(Buffer.from(await readFile(path, 'utf8'), 'base64').toString('hex'), secrets[0]!.toString('hex'))
  await writeFile(path, 'short')
  await assert.rejects(readSecret(path), /too short/)
})
