/** The scripted groups of Dovecot's imaptest that need no capability we lack. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sharedDir } from '../../harness/shared.js'
import { Run, readMbox, readScript } from './imaptest.js'
import { startRig } from './rig.js'

const archive = sharedDir() && join(sharedDir()!, 'data/imap.tar.xz')
const folder = archive && existsSync(archive) ? unpack(archive) : undefined
after(() => folder && rmSync(folder, { recursive: true, force: true }))

function unpack(path: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'posthouse-imaptest-'))
  execFileSync('tar', ['-xJf', path, '-C', dir])
  return dir
}

const scripts = folder ? join(folder, 'imap/imaptest-tests') : undefined
const names = scripts
  ? readdirSync(scripts, { withFileTypes: true }).filter(entry => entry.isFile() && !/\.mbox$|LICENSE/.test(entry.name))
  : []

test('the imaptest scripts are there', { skip: !scripts && 'no shared folder' }, () => undefined)

for (const { name } of names) {
  const script = readScript(readFileSync(join(scripts!, name), 'latin1'))
  test(`imaptest: ${name}`, async t => {
    const rig = await startRig()
    try {
      const probe = await rig.client('ann')
      const [caps] = await probe.ok('CAPABILITY')
      const lacking = script.capabilities.filter(one => !` ${caps} `.toUpperCase().includes(` ${one.toUpperCase()} `))
      if (lacking.length > 0) {
        t.skip(`needs ${lacking.join(' ')}`)
        return
      }
      const clients = await Promise.all(
        Array.from({ length: script.connections }, () => rig.client(script.state === 'nonauth' ? undefined : 'ann')),
      )
      const mbox = [`${name}.mbox`, 'default.mbox'].map(file => join(scripts!, file)).find(existsSync)!
      const run = new Run(script, clients, readMbox(readFileSync(mbox, 'latin1')))
      await run.prepare()
      await run.run()
    } finally {
      await rig.end()
    }
  })
}
