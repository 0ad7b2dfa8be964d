/** Giving up root, seen from outside: only root can be asked to, so elsewhere this is skipped. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const MAIN = fileURLToPath(new URL('../../../core/main.js', import.meta.url))
const skip = process.getuid?.() === 0 ? false : 'needs root to give up'
const run = promisify(execFile)

async function checkAs(user: string, readable: boolean): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-owner-'))
  try {
    await run(process.execPath, [MAIN, 'init', join(dir, 'mail'), '--domain', 'example.org'])
    const file = join(dir, 'mail', 'server.yaml')
    await writeFile(file, (await readFile(file, 'utf8')).replace('# user: posthouse', `user: ${user}`))
    await chmod(dir, 0o755)
    if (readable) await run('chgrp', ['-R', 'nogroup', join(dir, 'mail')])
    const done = await run(process.execPath, [MAIN, 'check', '--config', join(dir, 'mail')]).catch(error => error)
    return `${done.stdout}${done.stderr}`.replaceAll(dir, '')
  } finally {
    await rm(dir, { recursive: true })
  }
}

test('a user that is not there is named, with what to do', { skip }, async () => {
  assert.match(
    await checkAs('nosuchuser', true),
    /^\/mail\/server\.yaml:(?!1:)\d+:1: there is no user nosuchuser; make one: useradd --system nosuchuser$/m,
  )
})

test('domain add and remove change what only root may write, and leave it to whom it belongs', { skip }, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-owner-'))
  try {
    const config = join(dir, 'mail')
    const posthouse = (...args: readonly string[]) =>
      run(process.execPath, [MAIN, ...args, '--config', config]).catch(error => error)
    await run(process.execPath, [MAIN, 'init', config, '--domain', 'example.org'])
    const file = join(config, 'server.yaml')
    await writeFile(file, (await readFile(file, 'utf8')).replace('# user: posthouse', 'user: nobody'))
    await chmod(dir, 0o755)
    await run('chgrp', ['-R', 'nogroup', config])
    const before = await stat(file)
    const added = await posthouse('domain', 'add', 'second.org')
    assert.equal(added.stdout, 'second.org added; no server runs here\n', added.stderr)
    const user = await posthouse('user', 'add', 'ann@second.org')
    assert.match(user.stdout, /^added ann@second\.org/, user.stderr)
    const kept = await posthouse('domain', 'remove', 'second.org')
    assert.match(kept.stderr, /accounts have addresses there: ann@second\.org/)
    const removed = await posthouse('domain', 'remove', 'second.org', '--force')
    assert.equal(removed.stdout, 'second.org removed; no server runs here\n', removed.stderr)
    const { uid, gid, mode } = await stat(file)
    assert.deepEqual([uid, gid, mode], [before.uid, before.gid, before.mode])
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('a configuration the user cannot read is named, with what to do', { skip }, async () => {
  assert.match(
    await checkAs('nobody', false),
    /the user nobody cannot read \/mail\/?; let its group do so: chgrp -R \w+ \/mail/,
  )
})
