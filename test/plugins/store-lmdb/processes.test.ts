/** What only several processes can show: nobody claims twice, a killed writer loses nothing it was told is safe, news travel. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import { createLmdbState } from '../../../plugins/store-lmdb/state.js'
import { createLmdbStore, FORMAT } from '../../../plugins/store-lmdb/store.js'
import { coded, enqueue, mail, openByName, until } from '../../contracts/backend.js'
import { program } from '../../harness/shared.js'
import { freshPath } from './backend.js'

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url))
const MAP_BYTES = 1024 ** 2

test('two processes that claim from one queue take every row exactly once', async () => {
  const path = freshPath()
  await finished(start('fill', path, '60'))
  const [one, two] = await Promise.all([finished(start('claim', path)), finished(start('claim', path))])
  const rows = [...one, ...two]
  assert.equal(rows.length, 180)
  assert.equal(new Set(rows).size, 180)
  const after = await dumped(path)
  assert.deepEqual([after.messages, after.rows, after.held], [0, 0, 0])
})

test('what a writer had acknowledged when it was killed is all there, and the store goes on', async () => {
  const path = freshPath()
  const acknowledged: string[] = []
  for (const name of ['a', 'b']) {
    const writer = start('write', path, name)
    const lines = linesOf(writer)
    while (lines.found.length < 150) await once(writer.stdout!, 'data')
    writer.kill('SIGKILL')
    await once(writer, 'close')
    acknowledged.push(...lines.found)
  }
  const { queued, filed, messages, rows } = await dumped(path)
  assert.ok(acknowledged.length >= 300)
  assert.deepEqual(
    acknowledged.filter(id => !queued.includes(id)),
    [],
  )
  assert.deepEqual(
    acknowledged.filter(id => !filed.includes(`Subject: ${id}\r\n\r\n`)),
    [],
  )
  assert.deepEqual([messages, rows, filed.length], [queued.length, queued.length * 2, queued.length])
})

// Without care such a process waits for its own write thread for ever, and nobody else can write: in half of the cases.
test('a process that exits in the middle of writes ends, and the others can write', async () => {
  const path = freshPath()
  for (let at = 0; at < 8; at++) {
    const child = start('exit', path, String(at))
    const [code, signal] = await once(child, 'close')
    assert.ok(code === 0 || signal === 'SIGKILL', `${code} ${signal}`)
  }
  await finished(start('append', path, 'afterwards'))
})

test('a reopened store has the same mailboxes, UIDs and UIDVALIDITY', async () => {
  const path = freshPath()
  await finished(start('append', path, 'one'))
  const before = await dumped(path)
  await finished(start('append', path, 'two'))
  const after = await dumped(path)
  assert.deepEqual(after.list.slice(0, 1), before.list)
  assert.deepEqual(
    after.list.map(({ uid }) => uid),
    [1, 2],
  )
  assert.equal(after.info.uidValidity, before.info.uidValidity)
  assert.equal(after.info.id, before.info.id)
})

test('a change of another process is seen by the next call, and heard of without any bus', async t => {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  t.after(() => store.close())
  const inbox = await openByName(store, 'ann')
  await inbox.append([mail('here')])
  let [mailHeard, queueHeard, otherHeard] = [0, 0, 0]
  inbox.watch(() => mailHeard++)
  store.queue.watch(() => queueHeard++)
  ;(await openByName(store, 'ann', 'Junk')).watch(() => otherHeard++)
  await finished(start('append', path, 'there'))
  assert.equal((await inbox.list()).length, 2)
  await until(() => mailHeard > 0)
  await finished(start('fill', path, '1'))
  assert.equal((await store.queue.totals()).rows, 3)
  await until(() => queueHeard > 0)
  assert.equal(otherHeard, 0)
})

test('shape, audit and hold rules are the same in every process, at once and after all have ended', async t => {
  const path = freshPath()
  const now = Date.UTC(2030, 0, 3)
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  t.after(() => store.close())
  await enqueue(store, 'q1', { lane: 'a.test' }, { lane: 'b.test', hold: 'x' }, { lane: 'b.test' })
  await store.queue.claim({ now, leaseMs: 1e12, max: 1 })
  await finished(start('rule', path, 'r1'))
  const rules = await store.queue.holdRules()
  assert.deepEqual(
    rules.map(({ id }) => id),
    ['r1'],
  )
  const shape = await store.queue.shape({ now, edges: [3_600_000], most: 10 })
  assert.deepEqual(
    shape.lanes.map(({ lane, rows, held }) => [lane, rows, held]),
    [
      ['b.test', 2, 1],
      ['a.test', 1, 0],
    ],
  )
  const audit = await store.queue.audit(now)
  const seen = JSON.parse((await finished(start('look', path)))[0]!)
  assert.deepEqual(seen, JSON.parse(JSON.stringify({ shape, audit, rules })))
})

test('a draft whose writer died can be read, and is swept after an hour but not before', async t => {
  const path = freshPath()
  const [id = ''] = await finished(start('orphan', path))
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  t.after(() => store.close())
  assert.equal((await store.sweep(Date.now() + 55 * 60_000, 0)).drafts, 0)
  assert.equal((await store.blobs.read(id)).length, 300_000)
  assert.equal((await store.sweep(Date.now() + 65 * 60_000, 0)).drafts, 1)
  await assert.rejects(store.blobs.read(id), coded('message-gone'))
})

test('counters of the state add up over processes', async () => {
  const path = freshPath()
  const counts = await Promise.all([finished(start('count', path, '50')), finished(start('count', path, '50'))])
  assert.deepEqual(
    counts
      .flat()
      .map(Number)
      .sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, at) => at + 1),
  )
})

test('several processes that spend one budget at the same time are granted exactly its limit', async () => {
  const path = freshPath()
  const spent = await Promise.all([1, 2, 3].map(() => finished(start('spend', path, '400'))))
  assert.equal(
    spent.flat().reduce((sum, granted) => sum + Number(granted), 0),
    500,
  )
})

test('places are counted over processes, and those of a killed one are free again', async t => {
  const path = freshPath()
  const state = createLmdbState({ path, mapBytes: MAP_BYTES })
  t.after(() => state.close())
  const mine = await state.enter('n', 5, 1)
  const other = start('enter', path, '10')
  const lines = linesOf(other)
  while (lines.found.length < 1) await once(other.stdout!, 'data')
  assert.deepEqual(lines.found, ['4'])
  assert.equal(await state.enter('n', 5, 1), undefined)
  assert.deepEqual(await state.places(''), [{ key: 'n', taken: 5 }])
  other.kill('SIGKILL')
  await once(other, 'close')
  // Whoever was seen alive a moment ago counts as alive for a second.
  await until(async () => (await state.enter('n', 5, 1)) !== undefined)
  assert.deepEqual(await state.places(''), [{ key: 'n', taken: 2 }])
  await mine?.leave()
  assert.deepEqual(await state.places(''), [{ key: 'n', taken: 1 }])
})

test('the sweep forgets places of processes that have ended', async t => {
  const path = freshPath()
  const other = start('enter', path, '2')
  await once(other.stdout!, 'data')
  other.kill('SIGKILL')
  await once(other, 'close')
  const state = createLmdbState({ path, mapBytes: MAP_BYTES })
  t.after(() => state.close())
  await state.sweep(1)
  assert.deepEqual((await state.totals()).places, 0)
})

test('the state survives a restart', async () => {
  const path = freshPath()
  await finished(start('remember', path, 'a value'))
  assert.deepEqual(await finished(start('recall', path)), ['a value', '3'])
})

const compiler = program('cc')
const noCompiler = compiler === undefined || process.platform !== 'linux' ? 'needs a C compiler on Linux' : false

// lmdb-js documents only the commit for a resolved transaction; that ours wait for the disk is seen by making the disk slow.
test('an accepted message has been flushed to disk', { skip: noCompiler }, async () => {
  const path = freshPath()
  const [source, library] = [`${path}.c`, `${path}.so`]
  const slow = (name: string) =>
    `int ${name}(int fd) { int (*real)(int) = dlsym(RTLD_NEXT, "${name}"); usleep(150000); return real(fd); }`
  writeFileSync(
    source,
    `#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <unistd.h>\n${slow('fdatasync')}\n${slow('fsync')}\n`,
  )
  execFileSync(compiler!, ['-shared', '-fPIC', '-o', library, source, '-ldl'])
  const [took] = await finished(start('time', path, '', { LD_PRELOAD: library }))
  assert.ok(Number(took) >= 150, `took ${took} ms`)
})

test('a disk that takes no more is a temporary error; the process lives, what was there stays, small mail may still fit', {
  skip: process.platform === 'win32' ? 'needs a shell with ulimit' : false,
}, async () => {
  const path = freshPath()
  const child = spawn('sh', ['-c', 'ulimit -f 8192 && exec "$@"', 'sh', process.execPath, WORKER, 'overfill', path], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // The one that failed is not there, the small one is.
  assert.deepEqual(await finished(child), ['store-unavailable', 'accepted', '0'])
})

test('accepts that come together share commits', async t => {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  t.after(() => store.close())
  await store.mail.list('ann')
  const before = lastTransaction(path)
  await Promise.all(Array.from({ length: 100 }, (_, at) => enqueue(store, `q${at}`, {})))
  const commits = lastTransaction(path) - before
  assert.ok(commits <= 5, `${commits} commits`)
})

// ── processes ──

interface Dump {
  readonly queued: readonly string[]
  readonly filed: readonly string[]
  readonly messages: number
  readonly rows: number
  readonly held: number
  readonly info: { readonly id: string; readonly uidValidity: number }
  readonly list: readonly { readonly uid: number }[]
}

function start(verb: string, path: string, argument = '', env: NodeJS.ProcessEnv = {}): ChildProcess {
  const options = {
    stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  }
  return spawn(process.execPath, [WORKER, verb, path, argument], options)
}

/** Whole lines so far. */
function linesOf(child: ChildProcess): { readonly found: readonly string[] } {
  let text = ''
  child.stdout!.on('data', chunk => {
    text += chunk
  })
  return {
    get found() {
      return text.split('\n').slice(0, -1)
    },
  }
}

async function finished(child: ChildProcess): Promise<readonly string[]> {
  const lines = linesOf(child)
  const [code] = await once(child, 'close')
  assert.equal(code, 0)
  return lines.found
}

async function dumped(path: string): Promise<Dump> {
  return JSON.parse((await finished(start('dump', path)))[0]!) as Dump
}

/** Number of the store's last transaction: the same environment, as it is opened once per process. */
function lastTransaction(path: string): number {
  return openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT }).transactionId()
}
