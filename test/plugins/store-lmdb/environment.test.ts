/** Files of the store: who may read them, which are refused, and that one file is opened once. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { newId } from '../../../core/text/index.js'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import plugin from '../../../plugins/store-lmdb/index.js'
import { createLmdbState } from '../../../plugins/store-lmdb/state.js'
import { createLmdbStore, FORMAT } from '../../../plugins/store-lmdb/store.js'
import { acceptance, coded, filing, mail, message, openByName, row } from '../../contracts/backend.js'
import { quietLog } from '../../harness/log.js'
import { ROOT } from '../../harness/shared.js'
import { freshPath } from './backend.js'

const MAP_BYTES = 1024 ** 2

test('the folder is made for us alone, and so are the files', () => {
  const path = join(freshPath(), 'deep', 'mail.lmdb')
  createLmdbStore({ path, mapBytes: MAP_BYTES })
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700)
  for (const file of [path, `${path}-lock`]) assert.equal(statSync(file).mode & 0o777, 0o600)
})

test('a file is opened once per process, however often it is asked for', async t => {
  const path = freshPath()
  const [one, two] = [createLmdbStore({ path, mapBytes: MAP_BYTES }), createLmdbStore({ path, mapBytes: MAP_BYTES })]
  t.after(() => Promise.all([one.close(), two.close()]))
  await one.accept(acceptance('q1', { filings: [filing('ann')] }))
  assert.equal((await two.mail.usage('ann')).messages, 1)
  const options = { mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT }
  assert.equal(
    openEnvironment({ path, ...options }),
    openEnvironment({ path: `${dirname(path)}/./${path.slice(dirname(path).length)}`, ...options }),
  )
})

test('a store that was closed can be used again in the same process, as a reload does', async () => {
  const path = freshPath()
  const before = createLmdbStore({ path, mapBytes: MAP_BYTES })
  await before.accept(acceptance('q1', { rows: [row(0)] }))
  await before.close()
  const after = createLmdbStore({ path, mapBytes: MAP_BYTES })
  assert.equal((await after.queue.totals()).messages, 1)
  await after.close()
})

test('data of another format is refused, with both named, also when asked again', () => {
  const path = freshPath()
  openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: 99 })
  for (const _ of [1, 2])
    assert.throws(() => createLmdbStore({ path, mapBytes: MAP_BYTES }), /format 99.*reads mail in format 3/s)
  assert.throws(() => createLmdbState({ path, mapBytes: MAP_BYTES }), /holds data of kind mail/)
})

test('mail of format 2 is there as it was, takes in what other servers have, and those who wrote it refuse it from then on', async t => {
  const path = freshPath()
  const before = createLmdbStore({ path, mapBytes: MAP_BYTES })
  await before.accept(acceptance('q1', { filings: [filing('ann')] }))
  const entries = await (await openByName(before, 'ann')).list()
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  await env.write(() => void env.database('format').put('format', { kind: 'mail', version: 2 }))
  await before.close()
  const after = createLmdbStore({ path, mapBytes: MAP_BYTES })
  t.after(() => after.close())
  const inbox = await openByName(after, 'ann')
  assert.deepEqual(await inbox.list(), entries)
  assert.deepEqual(await inbox.bring([{ ...mail('x'), source: 'a', uid: 9, uniqueId: 'known' }]), [9])
  assert.deepEqual(
    (await inbox.list()).map(({ uniqueId }) => uniqueId),
    [undefined, 'known'],
  )
  assert.throws(() => openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: 2, reads: [1] }), /format 3/)
})

// In a process of its own, as everything that opens a file twice.
test('an LMDB file of somebody else is refused and left as it is', () => {
  const path = freshPath()
  const run = (script: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT, encoding: 'utf8' })
  const theirs = `const { open } = await import('lmdb'); const db = open({ path: ${JSON.stringify(path)}, noSubdir: true, maxDbs: 4 })`
  assert.equal(run(`${theirs}; await db.openDB('theirs', {}).put('key', 1); process.exit()`).status, 0)
  assert.throws(() => createLmdbStore({ path, mapBytes: MAP_BYTES }), /no store of ours/)
  assert.equal(run(`${theirs}; console.log(...db.getKeys()); process.exit()`).stdout, 'theirs\n')
})

test('a file that is no LMDB file, or only the start of one, is refused with its name', () => {
  const whole = freshPath()
  createLmdbStore({ path: whole, mapBytes: MAP_BYTES })
  for (const bytes of [Buffer.alloc(10_000, 'x'), Buffer.from('short'), readFileSync(whole).subarray(0, 5000)]) {
    const path = freshPath()
    writeFileSync(path, bytes)
    assert.throws(() => createLmdbStore({ path, mapBytes: MAP_BYTES }), new RegExp(`${path} is no LMDB file`))
  }
})

test('a change that throws half way leaves nothing behind, and its neighbours stay', async t => {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  t.after(() => store.close())
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  const db = env.database<number, string>('test')
  const put = (key: string, trouble?: Error) =>
    env.write(() => {
      db.put(key, 1)
      if (trouble !== undefined) throw trouble
    })
  const results = await Promise.allSettled([put('a'), put('b', new Error('trouble')), put('c')])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.deepEqual([...db.getKeys()], ['a', 'c'])
})

test('the store grows far beyond the address space it began with', async t => {
  const store = createLmdbStore({ path: freshPath(), mapBytes: MAP_BYTES })
  t.after(() => store.close())
  const bytes = Buffer.alloc(2 * MAP_BYTES, 'x')
  for (let at = 0; at < 8; at++) {
    const body = { kind: 'memory', bytes } as const
    await store.accept(acceptance(`q${at}`, { message: message(`q${at}`, { body }), filings: [filing('ann')] }))
  }
  const inbox = await openByName(store, 'ann')
  for (const entry of await inbox.list()) assert.ok((await inbox.read(entry)).equals(bytes))
})

test('the trail forgets what is older than it should keep', async t => {
  const store = createLmdbStore({ path: freshPath(), mapBytes: MAP_BYTES })
  t.after(() => store.close())
  const entry = (id: string, at: number) => ({ id, at, event: 'accepted', says: 'it was', facts: {} })
  await store.trail.add(Array.from({ length: 1200 }, (_, at) => entry(`q${String(at).padStart(5, '0')}`, at)))
  assert.equal((await store.sweep(0, 1100)).trail, 1100)
  assert.deepEqual([(await store.trail.of('q01099')).length, (await store.trail.of('q01100')).length], [0, 1])
})

test('what comes back late is noted with an old message, and does not keep the trail from forgetting the others', async t => {
  const store = createLmdbStore({ path: freshPath(), mapBytes: MAP_BYTES })
  t.after(() => store.close())
  const entry = (id: string, at: number) => ({ id, at, event: 'accepted', says: 'it was', facts: {} })
  const ids = Array.from({ length: 1200 }, (_, at) => newId(at, () => 0))
  await store.trail.add(ids.map((id, at) => entry(id, at)))
  const late = ids.filter((_, at) => at % 2 === 0).slice(0, 550)
  await store.trail.add(late.map(id => entry(id, 1150)))
  assert.equal((await store.sweep(0, 1100)).trail, 1100)
  assert.deepEqual(await store.trail.of(late[0]!), [entry(late[0]!, 1150)])
  assert.deepEqual([(await store.trail.of(ids[1099]!)).length, (await store.trail.of(ids[1100]!)).length], [0, 1])
  assert.equal((await store.sweep(0, 1151)).trail, 550 + 51)
  assert.deepEqual(await store.trail.of(late[0]!), [])
})

test('the plugin supplies store and state in the data directory, and ends quietly', async () => {
  const dataDir = freshPath()
  const facts = {
    name: 'mail.example',
    domains: new Set<string>(),
    relayDomains: new Set<string>(),
    version: '0',
    configDir: '/',
    dataDir,
  }
  const { services, dispose } = await plugin.setup({
    config: { path: 'mail.lmdb', map_size: '1MB', state_size: '16MB', trail_keep: '30d', trail_size: '1GB' },
    server: { ...facts, maxMessageBytes: 1 },
    clock: { now: Date.now },
    log: quietLog,
    bus: { publish: () => undefined, subscribe: () => () => undefined },
  } as unknown as Parameters<typeof plugin.setup>[0])
  assert.equal(await services!.state!.add('n', 1, 1, 100), 1)
  await assert.rejects(services!.store!.blobs.read('x'), coded('message-gone'))
  await dispose!()
  for (const file of ['mail.lmdb', 'state.lmdb']) assert.ok(statSync(join(dataDir, file)).isFile())
})
