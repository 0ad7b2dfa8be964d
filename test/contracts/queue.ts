/** The contract of the queue: who may claim what, in which order, and that a lease is the only way to change a row that goes out. */
import assert from 'node:assert/strict'
import { acceptance, claim, contract, enqueue, message, row, rowsOf, type StoreBackend } from './backend.js'
import { queueAdminContract } from './queue-admin.js'
import { queueChangesContract } from './queue-changes.js'
import { queueClaimsContract } from './queue-claims.js'
import { queueLeasesContract } from './queue-leases.js'
import { queueListContract } from './queue-list.js'
import { queueShapeContract } from './queue-shape.js'

export function queueContract(backend: StoreBackend): void {
  keeping(backend)
  claiming(backend)
  grouping(backend)
  queueLeasesContract(backend)
  queueClaimsContract(backend)
  queueAdminContract(backend)
  queueListContract(backend)
  queueShapeContract(backend)
  queueChangesContract(backend)
}

function keeping(backend: StoreBackend): void {
  contract(backend, 'a queued message comes back with everything it was given', async ({ store }) => {
    const given = message('q1', {
      ret: 'HDRS',
      envid: 'env',
      requireTls: true,
      deliverBy: { at: 40, mode: 'notify', trace: true },
      holdUntil: 5,
      priority: -3,
      utf8: true,
      bodyType: '7BIT',
      cuts: [[0, 13]],
      sender: null,
    })
    const full = row(0, {
      dsn: { notify: ['failure', 'delay'], orcpt: 'rfc822;a@b' },
      detail: { account: 'x', note: 'y' },
      prefix: 'Received: by us\r\n',
      original: { local: 'alias', domain: 'example.com' },
      due: 5,
      expires: 50,
      priority: -3,
      quarantine: 'spam',
    })
    await store.accept(acceptance('q1', { message: given, rows: [full, row(7, { sender: null, hold: 'wait' })] }))
    const { body, ...facts } = given
    assert.ok(body.kind === 'memory')
    const { rows, bodyId, ...rest } = (await store.queue.get('q1'))!
    assert.deepEqual(rest, { ...facts, bodySize: body.bytes.length })
    assert.deepEqual(rows[0], { ...full, tries: 0, leased: false })
    assert.deepEqual(rows[1], { ...row(7, { sender: null, hold: 'wait' }), tries: 0, leased: false })
    assert.ok((await store.blobs.read(bodyId)).equals(body.bytes))
  })

  contract(backend, 'an unknown message is not there', async ({ store }) => {
    assert.equal(await store.queue.get('unknown'), undefined)
    assert.equal(await store.queue.change('unknown', { kind: 'drop' }), 0)
    assert.deepEqual(await store.queue.totals(), { messages: 0, rows: 0, held: 0 })
  })

  contract(backend, 'totals count messages, rows and held rows, and know when the next row is due', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', { due: 500, priority: -9 }, { due: 300, hold: 'wait' })
    await enqueue(store, 'q2', { due: 700, priority: 9 })
    assert.deepEqual(await store.queue.totals(), { messages: 2, rows: 3, held: 1, nextDue: 500 })
    const claimed = await claim(bench, { now: 600 })
    assert.deepEqual(await store.queue.totals(), { messages: 2, rows: 3, held: 1, nextDue: 700 })
    await store.queue.settle(claimed[0]!.token, [{ kind: 'again', row: 0, due: 900, status: '4.0.0', text: 'later' }])
    await store.queue.change('q2', { kind: 'drop' })
    assert.deepEqual(await store.queue.totals(), { messages: 1, rows: 2, held: 1, nextDue: 900 })
    await store.queue.change('q1', { kind: 'release' })
    assert.deepEqual(await store.queue.totals(), { messages: 1, rows: 2, held: 0, nextDue: 300 })
    clock.time = 1000
    for (const { token, rows } of await claim(bench)) {
      await store.queue.settle(
        token,
        rows.map(({ row }) => ({ kind: 'done', row })),
      )
    }
    assert.deepEqual(await store.queue.totals(), { messages: 0, rows: 0, held: 0 })
  })
}

function claiming(backend: StoreBackend): void {
  contract(backend, 'rows are claimed by priority, then by due time, and never before they are due', async bench => {
    const { store, clock } = bench
    for (const [id, priority, due] of [
      ['c', 0, 200],
      ['a', 0, 300],
      ['e', -9, 100],
      ['b', 9, 900],
      ['d', 0, 250],
      ['z', 9, 1001],
    ] as const) {
      await enqueue(store, id, { priority, due, lane: `${id}.example` })
    }
    clock.time = 1000
    assert.deepEqual(rowsOf(await claim(bench, { max: 2 })), ['b:0', 'c:0'])
    assert.deepEqual(rowsOf(await claim(bench)), ['d:0', 'a:0', 'e:0'])
    assert.deepEqual(await claim(bench), [])
    clock.time = 1001
    assert.deepEqual(rowsOf(await claim(bench)), ['z:0'])
  })

  contract(backend, 'order holds between lanes that have several rows each', async bench => {
    const { store } = bench
    const dues = [50, 10, 40, 20, 30, 60]
    for (const [at, due] of dues.entries())
      await enqueue(store, `q${at}`, { due, lane: at % 2 === 0 ? 'even.example' : 'odd.example' })
    const claimed = await claim(bench)
    assert.deepEqual(
      claimed.map(({ rows }) => rows[0]!.due),
      [...dues].sort((a, b) => a - b),
    )
  })

  contract(backend, 'what one claim has taken, no other gets', async bench => {
    const { store } = bench
    for (let at = 0; at < 30; at++) await enqueue(store, `q${at}`, { lane: `${at % 4}.example` })
    const all = await Promise.all(Array.from({ length: 6 }, () => claim(bench, { max: 7 })))
    const ids = all.flat().map(({ message }) => message.id)
    assert.equal(ids.length, 30)
    assert.equal(new Set(ids).size, 30)
    assert.equal(new Set(all.flat().map(({ token }) => token)).size, 30)
  })

  contract(backend, 'a claim says what it holds: message without rows, rows under lease, until when', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', { prefix: 'X: 1\r\n' })
    const [claimed] = await claim(bench, { leaseMs: 500 })
    const { rows, ...facts } = (await store.queue.get('q1'))!
    assert.deepEqual(claimed!.message, facts)
    assert.deepEqual(claimed!.rows, rows)
    assert.equal(rows[0]!.leased, true)
    assert.equal(claimed!.leaseUntil, clock.time + 500)
  })

  contract(
    backend,
    'lanes named in `except` wait, also behind many others of theirs, and nobody else does',
    async bench => {
      const { store } = bench
      for (let at = 0; at < 60; at++)
        await enqueue(store, `busy${at}`, { lane: at < 20 ? `${at}.example` : 'one.example', priority: 5 })
      await enqueue(store, 'free', { lane: 'free.example' })
      await enqueue(store, 'other', { lane: 'one.example', target: 'lmtp' })
      const except = new Set(['mx/one.example', ...Array.from({ length: 50 }, (_, at) => `mx/${at}.example`)])
      assert.deepEqual(rowsOf(await claim(bench, { except })).sort(), ['free:0', 'other:0'])
      assert.equal((await claim(bench)).length, 60)
    },
  )

  contract(backend, 'lanes may be long or odd names', async bench => {
    const { store } = bench
    const lanes = ['', 'x'.repeat(1500), `${'x'.repeat(1499)}y`, 'a/b', 'bücher.example', 'nul\0', '[2001:db8::1]']
    for (const [at, lane] of lanes.entries()) await enqueue(store, `q${at}`, { lane, due: at })
    assert.deepEqual(rowsOf(await claim(bench, { except: new Set([`mx/${lanes[1]}`, 'mx/a/b']) })), [
      'q0:0',
      'q2:0',
      'q4:0',
      'q5:0',
      'q6:0',
    ])
  })

  contract(backend, 'held rows are never claimed', async bench => {
    await enqueue(bench.store, 'q1', { hold: 'quarantined' }, {})
    assert.deepEqual(rowsOf(await claim(bench)), ['q1:1'])
  })

  contract(backend, 'lanes named in `only` are claimed, and no others', async bench => {
    const { store } = bench
    for (let at = 0; at < 40; at++) await enqueue(store, `q${at}`, { lane: `${at}.example`, due: at })
    await enqueue(store, 'far', { lane: '7.example', target: 'lmtp' })
    const only = new Set(['mx/7.example', 'mx/39.example', 'mx/none.example'])
    assert.deepEqual(rowsOf(await claim(bench, { only, except: new Set(['mx/39.example']) })), ['q7:0'])
    assert.deepEqual(rowsOf(await claim(bench, { only })), ['q39:0'])
    assert.equal((await claim(bench)).length, 39)
  })

  contract(backend, 'rows held for a reason are claimed by who names the reason and their lane', async bench => {
    const { store, clock } = bench
    const own = { hold: 'waits', lane: 'own.example' }
    const later = clock.time + 1
    await enqueue(
      store,
      'q1',
      own,
      { ...own, hold: 'quarantine' },
      { lane: 'own.example' },
      { ...own, due: later },
      own,
    )
    await enqueue(store, 'q2', { hold: 'waits' })
    assert.deepEqual(rowsOf(await claim(bench, { held: 'waits', max: 0 })), [])
    const only = new Set(['mx/own.example'])
    assert.deepEqual(rowsOf(await claim(bench, { held: 'waits', only, maxRows: 2 })), ['q1:0,2', 'q1:4'])
    assert.deepEqual(rowsOf(await claim(bench, { held: 'waits', only })), [])
    assert.deepEqual(rowsOf(await claim(bench, { held: 'waits' })), [])
    assert.deepEqual(await store.queue.totals(), { messages: 2, rows: 6, held: 3 })
  })

  contract(backend, 'a held row keeps its hold when it is given back, comes again or loses its lease', async bench => {
    const { store, clock } = bench
    const only = new Set(['mx/example.net'])
    await enqueue(store, 'q1', { hold: 'waits' })
    const take = async () => (await claim(bench, { held: 'waits', only, leaseMs: 1000 }))[0]!
    await store.queue.release((await take()).token)
    assert.equal((await store.queue.totals()).held, 1)
    const due = clock.time + 1
    await store.queue.settle((await take()).token, [{ kind: 'again', row: 0, due, status: '4.0.0', text: 'later' }])
    assert.deepEqual(await claim(bench, { held: 'waits', only }), [])
    clock.time += 1
    const { rows } = await take()
    assert.deepEqual([rows[0]!.hold, rows[0]!.tries, rows[0]!.due], ['waits', 1, due])
    clock.time += 1000
    assert.deepEqual(await claim(bench), [])
    const last = await take()
    await store.queue.settle(last.token, [{ kind: 'done', row: 0 }])
    assert.deepEqual(await store.queue.totals(), { messages: 0, rows: 0, held: 0 })
  })

  contract(backend, 'a row is found under its reason for as long as it is held for it, and no longer', async bench => {
    const { store, clock } = bench
    const only = new Set(['mx/example.net'])
    const take = async (held: string) => rowsOf(await claim(bench, { held, only, leaseMs: 1 }))
    const reasons = ['waits', 'x'.repeat(2000), `${'x'.repeat(1999)}y`, 'nul\0', '']
    for (const [at, hold] of reasons.entries()) await enqueue(store, `q${at}`, { hold })
    for (const [at, hold] of reasons.entries()) {
      assert.deepEqual(await take(hold), [`q${at}:0`])
      clock.time += 1
    }
    await store.queue.change('q0', { kind: 'hold', reason: 'other' })
    assert.deepEqual([await take('waits'), await take('other')], [[], ['q0:0']])
    clock.time += 1
    const [job] = await claim(bench, { held: 'other', only })
    await store.queue.settle(job!.token, [{ kind: 'hold', row: 0, reason: 'waits' }])
    assert.deepEqual([await take('other'), await take('waits')], [[], ['q0:0']])
    clock.time += 1
    await store.queue.change('q0', { kind: 'retry', due: clock.time + 1 })
    assert.deepEqual(await take('waits'), [])
    await store.queue.change('q0', { kind: 'retry', due: clock.time })
    assert.deepEqual(await take('waits'), ['q0:0'])
    clock.time += 1
    await store.queue.change('q0', { kind: 'release' })
    assert.deepEqual(rowsOf(await claim(bench, { leaseMs: 1 })), ['q0:0'])
    clock.time += 1
    await store.queue.change('q0', { kind: 'hold', reason: 'waits' })
    await store.queue.change('q0', { kind: 'drop' })
    assert.deepEqual(await take('waits'), [])
  })

  contract(backend, 'two claims of held rows at once share them', async bench => {
    const { store } = bench
    for (let at = 0; at < 40; at++) await enqueue(store, `q${at}`, { hold: 'waits' })
    const options = { held: 'waits', only: new Set(['mx/example.net']), max: 25 }
    const [one, two] = await Promise.all([claim(bench, options), claim(bench, options)])
    assert.deepEqual([one.length, two.length], [25, 15])
    assert.equal(new Set([...one, ...two].map(({ message }) => message.id)).size, 40)
  })

  contract(backend, 'a held message for hundreds is claimed in jobs of a hundred, each row once', async bench => {
    const { store } = bench
    const rows = Array.from({ length: 1250 }, (_, at) => (at % 5 === 0 ? { hold: 'other' } : { hold: 'waits' }))
    await enqueue(store, 'q1', ...rows)
    const only = new Set(['mx/example.net'])
    const jobs = [
      ...(await claim(bench, { held: 'waits', only, max: 4 })),
      ...(await claim(bench, { held: 'waits', only })),
    ]
    const seen = jobs.flatMap(({ rows }) => rows.map(({ row }) => row))
    assert.deepEqual([jobs.length, seen.length, new Set(seen).size], [10, 1000, 1000])
    assert.ok(seen.every(number => number % 5 !== 0))
  })

  contract(backend, 'asking for no jobs gives none', async bench => {
    await enqueue(bench.store, 'q1', {})
    assert.deepEqual(await claim(bench, { max: 0 }), [])
  })
}

function grouping(backend: StoreBackend): void {
  const differences = [
    ['target', { target: 'lmtp' }],
    ['lane', { lane: 'other.example' }],
    ['sender', { sender: { local: 'list-owner', domain: 'example.org' } }],
    ['sender, when it is the null one', { sender: null }],
    ['prefix', { prefix: 'X: 1\r\n' }],
  ] as const
  for (const [what, more] of differences) {
    contract(backend, `rows of one message that differ in ${what} make two jobs`, async bench => {
      await enqueue(bench.store, 'q1', {}, more, {}, more)
      assert.deepEqual(rowsOf(await claim(bench)).sort(), ['q1:0,2', 'q1:1,3'])
    })
  }

  contract(backend, "a row that names the message's own sender goes with those that name none", async bench => {
    await enqueue(bench.store, 'q1', {}, { sender: { local: 'sender', domain: 'example.org' } })
    assert.deepEqual(rowsOf(await claim(bench)), ['q1:0,1'])
  })

  contract(backend, 'rows of two messages never share a job', async bench => {
    await enqueue(bench.store, 'q1', {})
    await enqueue(bench.store, 'q2', {})
    assert.deepEqual(rowsOf(await claim(bench)).sort(), ['q1:0', 'q2:0'])
  })

  contract(
    backend,
    'due rows of a group go together whatever their due times; those not due or held stay',
    async bench => {
      await enqueue(bench.store, 'q1', { due: 30 }, { due: 10 }, { due: 2000 }, { hold: 'no' })
      assert.deepEqual(rowsOf(await claim(bench, { now: 1000 })), ['q1:1,0'])
    },
  )

  contract(backend, 'a job has at most maxRows rows, by default 100; the rest make further jobs', async bench => {
    await enqueue(bench.store, 'q1', ...Array.from({ length: 5 }, () => ({})))
    assert.deepEqual(rowsOf(await claim(bench, { maxRows: 2 })), ['q1:0,1', 'q1:2,3', 'q1:4'])
    await enqueue(bench.store, 'q2', ...Array.from({ length: 201 }, () => ({})))
    assert.deepEqual(
      (await claim(bench)).map(({ rows }) => rows.length),
      [100, 100, 1],
    )
  })
}
