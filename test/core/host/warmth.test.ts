/** Where there is room, workers keep what they know at rest; where there is none, V8 gives memory back. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { thisMachine, warmthFlags } from '../../../core/host/warmth.js'
import { CONTENT, Instance } from '../../harness/instance.js'

const GB = 1024 ** 3
const run = promisify(execFile)

test('a gigabyte for each processor is room', () => {
  assert.deepEqual(warmthFlags({ memory: 1.94 * GB, processors: 2, version: '20.20.2' }), ['--no-memory-reducer'])
  assert.deepEqual(warmthFlags({ memory: 1.5 * GB, processors: 2, version: '20.20.2' }), [])
  assert.deepEqual(warmthFlags({ memory: 128 * GB, processors: 256, version: '20.20.2' }), [])
})

test('a version of Node that nobody has tried is given no flag that it may not know', () => {
  assert.deepEqual(warmthFlags({ memory: 64 * GB, processors: 2, version: '99.0.0' }), [])
})

test('this Node knows the flag, and a machine has memory and processors', async () => {
  const here = thisMachine()
  assert.ok(here.memory > 64 * 1024 ** 2 && here.memory < 2 ** 50)
  assert.ok(here.processors >= 1)
  const flags = warmthFlags({ ...here, memory: Number.MAX_SAFE_INTEGER })
  await run(process.execPath, [...flags, '-e', '0'])
})

test('all workers are started so', async () => {
  const instance = await Instance.make({ without: CONTENT, server: { workers: 2 } })
  after(() => instance.destroy())
  await instance.start()
  await instance.logged(/"msg":"ready"/)
  const [, ...workers] = await instance.pids()
  assert.equal(workers.length, 2)
  for (const pid of workers) {
    const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
    assert.equal(line.includes('--no-memory-reducer'), warmthFlags(thisMachine()).length > 0)
  }
})
