/** The lock of the accounts, with several at a stale one at once, and each of their steps slow now and then: only one ever holds it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { lockFile } from '../../../plugins/auth-file/lock-file.js'
import { folder } from './install.js'

const ROUNDS = 40
const AT_ONCE = 6
const STEPS = ['symlink', 'rename', 'rm', 'readlink', 'lstat'] as const

test('of many who find a lock whose process is dead one holds it at a time, and nothing of it is left', async t => {
  const dir = await fs.mkdtemp(join(folder, 'lock-'))
  const dead = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim()
  const here = await fs.readlink('/proc/self/ns/pid').catch(() => 'all')
  for (let round = 0; round < ROUNDS; round++)
    await fs.symlink(`${dead} ${here} 0123456789abcdef`, join(dir, `${round}`))
  for (const step of STEPS) {
    const real = fs[step] as (...given: unknown[]) => Promise<unknown>
    t.mock.method(fs, step, async (...given: unknown[]) => {
      if (Math.random() < 0.5) await sleep(Math.random() * 20)
      return real(...given)
    })
  }
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
  const [held, together] = [new Map<string, number>(), new Set<string>()]
  const use = async (path: string) => {
    const unlock = await lockFile(path)
    held.set(path, (held.get(path) ?? 0) + 1)
    if (held.get(path)! > 1) together.add(path)
    await sleep(25)
    held.set(path, held.get(path)! - 1)
    await unlock()
  }
  const all = Array.from({ length: ROUNDS * AT_ONCE }, (_, at) => use(join(dir, `${at % ROUNDS}`)))
  await Promise.all(all)
  assert.deepEqual([...together], [])
  assert.deepEqual(await fs.readdir(dir), [])
})
