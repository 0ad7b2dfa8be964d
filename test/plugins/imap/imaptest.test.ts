/** The scripted groups of Dovecot's imaptest, all that our capabilities reach. */
import assert from 'node:assert/strict'
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

const ours = await capabilities()
const needs = new Map(
  names.map(({ name }) => {
    const { capabilities } = readScript(readFileSync(join(scripts!, name), 'latin1'))
    return [name, capabilities.filter(one => !ours.has(one.toUpperCase()))] as const
  }),
)

/** What the server announces once a user has logged in. */
async function capabilities(): Promise<ReadonlySet<string>> {
  const rig = await startRig()
  try {
    const [line] = await (await rig.client('ann')).ok('CAPABILITY')
    return new Set(String(line).toUpperCase().split(/\s+/))
  } finally {
    await rig.end()
  }
}

/** What we do not do yet. */
const LATER = ['CATENATE', 'CONTEXT=SEARCH', 'CONTEXT=SORT', 'NOTIFY', 'SORT=DISPLAY', 'URLAUTH', 'URLAUTH=BINARY']

test('all imaptest scripts are run but those of capabilities that follow later', {
  skip: !scripts && 'no shared folder',
}, () => {
  const left = [...needs].filter(([, lacking]) => lacking.length > 0)
  const waitsFor = new Set(left.flatMap(([, lacking]) => lacking.map(one => one.toUpperCase())))
  assert.deepEqual([...waitsFor].sort(), LATER)
  assert.ok(needs.size - left.length >= 59)
})

for (const [name, lacking] of needs) {
  if (lacking.length > 0) continue
  test(`imaptest: ${name}`, async () => {
    const script = readScript(readFileSync(join(scripts!, name), 'latin1'))
    const rig = await startRig()
    try {
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
