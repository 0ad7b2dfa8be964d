/** Damage in the queue's part of the store: what cannot be read is put aside with its reason and its octets, and all others go on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Environment } from '../../../plugins/store-lmdb/environment.js'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import type { Key } from '../../../plugins/store-lmdb/keys.js'
import { createLmdbStore, FORMAT, type LmdbStore } from '../../../plugins/store-lmdb/store.js'
import { acceptance, coded, enqueue, memory, message, pattern, row } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

const MAP_BYTES = 1024 ** 2
const NOW = Date.UTC(2030, 0, 2, 0, 0, 5)
/** No msgpack begins with it. */
const GARBAGE = Buffer.from([0xc1, 1, 2, 3])
const OTHERS = 12

interface Bench {
  readonly store: LmdbStore
  readonly env: Environment
  readonly warned: string[]
  readonly counted: Map<string, number>
  time: number
}

function open(): Bench {
  const path = freshPath()
  const [warned, counted] = [[] as string[], new Map<string, number>()]
  const bench = { time: NOW } as { time: number }
  const store = createLmdbStore({
    path,
    mapBytes: MAP_BYTES,
    now: () => bench.time,
    log: { warn: (_, sentence) => void warned.push(sentence) },
    metrics: { count: (name, by = 1) => void counted.set(name, (counted.get(name) ?? 0) + by) },
  })
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  // Not for the first time inside a write.
  for (const name of ['rows', 'messages', 'ready', 'heads', 'leases', 'expiry', 'bodies', 'chunks']) env.octetsOf(name)
  return Object.assign(bench, { store, env, warned, counted })
}

type Damage = (env: Environment) => void
/** Octets in the place of a value. */
const put = (name: string, key: Key, octets: Buffer): Damage => {
  return env => void env.octetsOf(name).put(key, octets)
}
/** In the place of the first one, or without it. */
const putFirst = (name: string, octets?: Buffer): Damage => {
  return env => {
    const [key] = [...env.octetsOf(name).getKeys({ limit: 1 })]
    if (octets === undefined) void env.octetsOf(name).remove(key!)
    else void env.octetsOf(name).put(key!, octets)
  }
}
const bad = (number: number): Key => ['bad', number]
const WITHOUT_DUE = Buffer.from([0x81, 0xa3, 0x72, 0x6f, 0x77, 0x00])

/** Which broken ones are expected, and which rows of `bad` are left. */
const DAMAGES: readonly (readonly [
  what: string,
  damage: Damage,
  broken: readonly string[],
  left: readonly number[],
])[] = [
  ['a row that cannot be decoded', put('rows', bad(0), GARBAGE), ['bad 0'], [1, 2]],
  ['a row that is a number', put('rows', bad(1), Buffer.from([7])), ['bad 1'], [0, 2]],
  ['a row without a due time', put('rows', bad(0), WITHOUT_DUE), ['bad 0'], [1, 2]],
  ['a held row that cannot be decoded', put('rows', bad(2), GARBAGE), ['bad 2'], [0, 1]],
  ['an envelope that cannot be decoded', put('messages', 'bad', GARBAGE), ['bad', 'bad 0', 'bad 1', 'bad 2'], []],
  ['an envelope that is empty', put('messages', 'bad', Buffer.from([0x80])), ['bad', 'bad 0', 'bad 1', 'bad 2'], []],
  ['rows without their envelope', env => void env.database('messages').remove('bad'), ['bad 0', 'bad 1', 'bad 2'], []],
  [
    'an index entry that refers to no message',
    env => void env.database('ready').put(['mx/a.test', 18, 0, 'aaa', 5], 1),
    [],
    [0, 1, 2],
  ],
  [
    'an index entry that refers to no row',
    env => void env.database('ready').put(['mx/a.test', 18, 0, 'bad', 5], 1),
    [],
    [0, 1, 2],
  ],
  [
    'an index entry of a wrong time',
    env => void env.database('ready').put(['mx/a.test', 18, 0, 'bad', 0], 1),
    [],
    [0, 1, 2],
  ],
  [
    'an index key of any octets',
    env => void env.octetsOf('ready').put(Buffer.from([1, 2, 3]), Buffer.from([1])),
    [],
    [0, 1, 2],
  ],
  [
    'a head of any octets',
    env => void env.octetsOf('heads').put(Buffer.from([0x10, 0x22]), Buffer.from([1])),
    [],
    [0, 1, 2],
  ],
  ['a head of a lane that is empty', env => void env.database('heads').put([18, 0, 'mx/none.test'], 1), [], [0, 1, 2]],
  ['the end of a lease that is not there', env => void env.database('expiry').put([5, 'nobody'], 1), [], [0, 1, 2]],
]

for (const [what, damage, broken, left] of DAMAGES) {
  for (const beginning of ['claim', 'list'] as const) {
    test(`${what}, met by a ${beginning}, does not stop the others`, async t => {
      const bench = open()
      t.after(() => bench.store.close())
      const { store, env, warned, counted } = bench
      await enqueue(store, 'bad', { lane: 'a.test', due: 3 }, { lane: 'b.test', due: 4 }, { lane: 'a.test', hold: 'x' })
      for (let at = 0; at < OTHERS; at++)
        await enqueue(store, `q${at}`, { lane: at % 2 === 0 ? 'a.test' : `${at}.test`, due: 10 + at })
      await env.write(() => damage(env))
      if (beginning === 'list') await listed(store)
      const jobs = [...(await claim(bench, 2)), ...(await claim(bench, 100))]
      const ids = jobs.map(({ message: { id } }) => id)
      assert.deepEqual(
        ids.filter(id => id !== 'bad').sort(),
        Array.from({ length: OTHERS }, (_, at) => `q${at}`).sort(),
      )
      const seen = (await store.queue.broken()).map(({ id, row: number }) =>
        number === undefined ? id : `${id} ${number}`,
      )
      assert.deepEqual(seen.sort(), broken)
      assert.deepEqual((await store.queue.get('bad'))?.rows.map(one => one.row) ?? [], left)
      assert.deepEqual([counted.get('broken') ?? 0, warned.length], [broken.length, broken.length])
      await isSound(bench, OTHERS + left.length)
      for (const { token, rows } of jobs)
        await store.queue.settle(
          token,
          rows.map(one => ({ kind: 'done', row: one.row })),
        )
      await isSound(bench, left.includes(2) ? 1 : 0)
    })
  }
}

test('a row put aside while its message is lent out as it came is neither counted twice nor put back', async t => {
  const bench = open()
  t.after(() => bench.store.close())
  const { store, env } = bench
  const given = acceptance('bad', { rows: [row(0), row(1), row(2)] })
  const [job] = await store.accept(given, { now: NOW, leaseMs: 60_000, max: 1 })
  for (const number of [0, 1]) await env.write(() => put('rows', bad(number), GARBAGE)(env))
  await store.queue.get('bad')
  assert.equal((await store.queue.broken()).length, 2)
  await store.queue.settle(job!.token, [
    { kind: 'done', row: 0 },
    { kind: 'again', row: 1, due: NOW, status: '4.0.0', text: 'later', warned: false },
  ])
  assert.deepEqual(
    (await store.queue.get('bad'))?.rows.map(one => one.row),
    [2],
  )
  await isSound(bench, 1)
})

for (const [what, damage, broken] of [
  ['cannot be decoded', putFirst('leases', GARBAGE), 1],
  ['is not there', putFirst('leases'), 0],
  ['has no end', putFirst('expiry'), 0],
] as const) {
  test(`a lease that ${what} gives its rows back`, async t => {
    const bench = open()
    t.after(() => bench.store.close())
    const { store, env, counted } = bench
    await enqueue(store, 'q1', { lane: 'a.test' }, { lane: 'a.test', hold: 'x' })
    await enqueue(store, 'q2', { lane: 'b.test', due: 7 })
    const jobs = await store.queue.claim({ now: NOW, leaseMs: 1000, max: 1, only: new Set(['mx/a.test']), held: 'x' })
    assert.equal(jobs[0]!.rows.length, 2)
    await env.write(() => damage(env))
    assert.equal((await store.queue.audit(NOW)).adrift, 2)
    bench.time += 1000
    await claim(bench, 10)
    await store.sweep(bench.time, 0)
    assert.equal((await store.queue.audit(bench.time)).adrift, 0)
    bench.time += 60_000
    assert.deepEqual((await claim(bench, 10)).map(({ message: { id } }) => id).sort(), ['q1', 'q2'])
    assert.equal((await store.queue.totals()).held, 1)
    assert.equal(counted.get('broken') ?? 0, broken)
  })
}

test('rows are looked through once an hour by one process, and not at every sweep', async t => {
  const bench = open()
  t.after(() => bench.store.close())
  const { store, env } = bench
  const stray = () => env.write(() => void env.database('ready').clearSync())
  await enqueue(store, 'q1', {}, {})
  await store.sweep(bench.time, 0)
  await stray()
  bench.time += 60_000
  await store.sweep(bench.time, 0)
  assert.equal((await store.queue.audit(bench.time)).adrift, 2)
  bench.time += 3_600_000
  await store.sweep(bench.time, 0)
  assert.equal((await store.queue.audit(bench.time)).adrift, 0)
  assert.equal(bench.counted.get('adrift'), 2)
  assert.deepEqual(
    (await claim(bench, 5)).map(({ rows }) => rows.length),
    [2],
  )
})

test('what was put aside keeps its reason and its octets, and survives', async t => {
  const bench = open()
  t.after(() => bench.store.close())
  const { store, env } = bench
  await enqueue(store, 'q1', {})
  const { bodyId } = (await store.queue.get('q1'))!
  const long = Buffer.concat([GARBAGE, pattern(100_000)])
  await env.write(() => put('rows', ['q1', 0], long)(env))
  assert.equal((await claim(bench, 1)).length, 0)
  const found = await store.queue.broken()
  assert.deepEqual(found, [
    { id: 'q1', row: 0, at: NOW, why: 'the row cannot be read' },
    { id: 'q1', at: NOW, why: 'its last row cannot be read' },
  ])
  const [kept] = [...env.database<{ octets: Buffer; size: number; from: string }, string>('broken').getRange({})]
  const { octets, size, from } = kept!.value
  assert.deepEqual([octets.length, size, from], [64 * 1024, long.length, 'rows'])
  assert.ok(octets.equals(long.subarray(0, octets.length)))
  // Whoever mends the row needs what it was about.
  assert.ok((await store.blobs.read(bodyId)).length > 0)
  assert.deepEqual(await store.queue.totals(), { messages: 0, rows: 0, held: 0 })
})

test('a hundred damaged rows among a thousand are put aside, and all others are claimed', async t => {
  const bench = open()
  t.after(() => bench.store.close())
  const { store, env } = bench
  await Promise.all(Array.from({ length: 500 }, (_, at) => enqueue(store, `q${at}`, { lane: `${at % 9}.test` }, {})))
  await env.write(() => {
    for (let at = 0; at < 500; at += 5) put('rows', [`q${at}`, at % 2], GARBAGE)(env)
  })
  const jobs = await claim(bench, 2000)
  assert.equal(jobs.length, 900)
  assert.equal((await store.queue.broken()).length, 100)
  await isSound(bench, 900)
})

for (const [what, damage] of [
  ['gone', putFirst('bodies')],
  ['not to be decoded', putFirst('bodies', GARBAGE)],
  ['of a nonsense size', putFirst('bodies', Buffer.from([0x80]))],
  ['without one of its pieces', putFirst('chunks')],
  ['short', putFirst('chunks', Buffer.from('x'))],
] as const satisfies readonly (readonly [string, Damage])[]) {
  test(`a body that is ${what} is "message-gone", and its row can be held and dropped`, async t => {
    const bench = open()
    t.after(() => bench.store.close())
    const { store, env } = bench
    const big = message('q1', { body: memory(pattern(what === 'short' ? 1000 : 600_000)) })
    await store.accept(acceptance('q1', { message: big, rows: [row(0)] }))
    await env.write(() => damage(env))
    const { bodyId } = (await store.queue.get('q1'))!
    await assert.rejects(store.blobs.read(bodyId), coded('message-gone'))
    const [job] = await claim(bench, 1)
    const filing = { accountId: 'ann', mailbox: 'INBOX', flags: [], prefix: '', date: NOW }
    await assert.rejects(
      store.queue.settle(job!.token, [{ kind: 'done', row: 0 }], { filings: [filing] }),
      coded('message-gone'),
    )
    await store.queue.settle(job!.token, [{ kind: 'hold', row: 0, reason: 'its body cannot be read' }])
    assert.equal(await store.queue.change('q1', { kind: 'drop' }), 1)
    await isSound(bench, 0)
  })
}

function claim({ store, time }: Bench, max: number) {
  return store.queue.claim({ now: time, leaseMs: 60_000, max })
}

async function listed(store: LmdbStore): Promise<number> {
  let rows = 0
  for await (const one of store.queue.list()) rows += one.rows.length
  return rows
}

/** Everything that counts rows says the same. */
async function isSound({ store, time }: Bench, rows: number): Promise<void> {
  const { adrift, rows: audited } = await store.queue.audit(time)
  const { lanes, ages } = await store.queue.shape({ now: time, edges: [1000], most: 1000 })
  const counts = {
    audited,
    adrift,
    listed: await listed(store),
    totals: (await store.queue.totals()).rows,
    shaped: lanes.reduce((sum, lane) => sum + lane.rows, 0),
    aged: ages.reduce((sum, count) => sum + count, 0),
  }
  assert.deepEqual(counts, { audited: rows, adrift: 0, listed: rows, totals: rows, shaped: rows, aged: rows })
}
