/** Ctrl-C at a terminal, which tells the whole group: a bench leaves no process and no folder, wherever it is. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { program, ROOT } from '../harness/shared.js'

const place = mkdtempSync(join(tmpdir(), 'posthouse-interrupted-'))
after(() => rm(place, { recursive: true, force: true }))
const noPostfix = program('postfix') === undefined || process.getuid?.() !== 0 ? 'Postfix is not here' : false

/** Started with a temporary folder of its own, told to end when it has come so far; resolves to what is left and its exit code. */
async function interrupted(line: string, isFar: (folder: string) => boolean) {
  const folder = mkdtempSync(join(place, 'tmp-'))
  // Postfix gives root up.
  for (const path of [place, folder]) chmodSync(path, 0o755)
  const [file, ...args] = line.split(' ')
  const child = spawn(process.execPath, [join(ROOT, 'dist/bench', file!), ...args], {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, TMPDIR: folder },
  })
  const ended = new Promise<number | null>(done => child.once('exit', done))
  for (let tries = 0; !isFar(folder) && tries < 2400 && child.exitCode === null; tries++) await sleep(25)
  assert.equal(child.exitCode, null, 'it ended before it was interrupted')
  process.kill(-child.pid!, 'SIGINT')
  const code = await ended
  // What it has killed may take a moment to be gone.
  for (let tries = 0; processesIn(folder).length > 0 && tries < 400; tries++) await sleep(25)
  return { code, left: readdirSync(folder).filter(isOurs), running: processesIn(folder) }
}

/** But for which ports were given out, which all runs share, and what Node has compiled. */
const isOurs = (name: string): boolean => name.startsWith('posthouse-') && name !== 'posthouse-test-ports'

function processesIn(folder: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' '))
    .filter(text => text.includes(folder))
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

const begun = (pattern: RegExp) => (folder: string) => pathsIn(folder).some(path => pattern.test(path))

function pathsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch {
    // a folder in it went while it was looked at
    return []
  }
}

for (const [line, isFar, skip] of [
  ['ratios/main.js smtp-in', begun(/posthouse-\d+\/data/), false],
  ['search.js 20000', begun(/posthouse-search-.*\/mail/), false],
  ['text.js', begun(/posthouse-bench-text-/), false],
  ['queue-million.js 100000', begun(/mail\.lmdb/), false],
  ['recipients.js 10', begun(/mail\.lmdb/), false],
  ['idle-news.js', begun(/mail\.lmdb/), false],
  ['peers/relay.js --sessions 2 --size 4KB --messages 10', begun(/bench-server\.log/), noPostfix],
] as const) {
  test(`bench ${line}, interrupted`, { skip }, async () => {
    assert.deepEqual(await interrupted(line, isFar), { code: 130, left: [], running: [] })
  })
}
