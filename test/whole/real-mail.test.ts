/** Every message of the shared sample: in by SMTP with a real client, out of IMAP and POP3 byte for byte. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Instance, ROOT } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program, sharedDir } from '../harness/shared.js'

const shared = sharedDir()
const python = program('python3')
const missing = shared === undefined ? 'no shared data' : python === undefined ? 'no python3' : false

test('every sample message comes out of IMAP and POP3 as it went in by SMTP', { skip: missing }, async t => {
  const folder = join(shared!, 'data/mail-sample')
  // Some of it is refused as spam otherwise.
  const plugins = { 'spam-action': { reject: 'off' } }
  const instance = await Instance.make({ users: [['alice@example.test', 'correct horse']], plugins })
  t.after(() => instance.destroy())
  await instance.start()
  const { smtp, imap, pop3 } = { smtp: instance.ports.mx, imap: instance.ports.imap, pop3: instance.ports.pop3 }
  const script = join(ROOT, 'test/clients/real_mail.py')
  const args = [script, String(smtp), String(imap), String(pop3), 'alice@example.test', 'correct horse', folder]
  const { stdout, stderr } = await runProgram(python!, args)
  assert.notEqual(stdout, '', stderr)
  const report = JSON.parse(stdout) as { files: number; sent: number; failures: unknown[] }
  assert.deepEqual(report.failures, [])
  assert.equal(report.sent, readdirSync(folder).filter(name => name.endsWith('.eml')).length)
  assert.equal(await instance.stop(), 0)
})
