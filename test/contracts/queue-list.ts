/** The contract of listing: every field and every comparison, order, and that only the rows come which fit. A part of `queue.ts`. */
import assert from 'node:assert/strict'
import {
  QUEUE_FIELDS,
  type QueueComparison,
  type QueueCondition,
  type QueuedMessage,
  type QueueField,
  type QueueFilter,
} from '../../core/api/index.js'
import { acceptance, type Bench, claim, contract, memory, message, row, type StoreBackend } from './backend.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Rows: `a:0` tried and warned, `a:1` plain, `b:0` held, `c:0` under lease. */
async function fill(bench: Bench): Promise<void> {
  const { store, clock } = bench
  const now = clock.time
  const origin = { remote: '192.0.2.1', helo: 'One.example', login: 'alice', listener: 'submission' }
  const facts = { ...origin, messageId: '<One@x.example>', subject: 'Hello World' }
  const one = message('a', {
    sender: { local: 'Alice', domain: 'Example.org' },
    received: now - HOUR,
    origin: facts,
    envid: 'E-1',
    body: memory('x'.repeat(100)),
  })
  const original = { local: 'list', domain: 'lists.example' }
  const first = row(0, { original, priority: 5, due: now - 2 * HOUR, expires: now + DAY, lane: 'one.test' })
  await store.accept(acceptance('a', { message: one, rows: [first, row(1, { expires: now + DAY, due: now + HOUR })] }))
  const [job] = await claim(bench)
  const said = { status: '4.4.1', text: 'No answer at all', remote: 'mx1.example', class: 'unreachable' }
  await store.queue.settle(job!.token, [{ kind: 'again', row: 0, due: now - 600_000, ...said, warned: true }])
  const two = message('b', { sender: null, received: now - 2 * DAY, origin: {}, body: memory('x'.repeat(2000)) })
  const other = { to: { local: 'carol', domain: 'example.com' }, target: 'lmtp', lane: 'two.test', priority: -5 }
  const held = row(0, { ...other, hold: 'Quarantined: spam', expires: now + HOUR })
  await store.accept(acceptance('b', { message: two, rows: [held] }))
  const three = message('c', { received: now - 2 * DAY, origin: {}, body: memory('x'.repeat(10)) })
  await store.accept(acceptance('c', { message: three, rows: [row(0, { lane: 'three.test', due: now - 1000 })] }))
  assert.equal((await claim(bench, { only: new Set(['mx/three.test']) })).length, 1)
}

const ALL = 'a:0,1 b:0 c:0'

type Line = readonly [is: QueueComparison, value: QueueCondition['value'], rows: string]
const FIELDS: Readonly<Record<QueueField, readonly Line[]>> = {
  id: [
    ['=', 'a', 'a:0,1'],
    ['=', 'A', ''],
    ['=', '', ''],
    ['=', 'nul\0', ''],
    ['!=', 'a', 'b:0 c:0'],
    ['!=', 'A', ALL],
    ['~', 'A', 'a:0,1'],
    ['>', 'a', 'b:0 c:0'],
    ['<=', 'b', 'a:0,1 b:0'],
  ],
  sender: [
    ['=', 'alice@example.ORG', 'a:0,1'],
    ['=', '@example.org', 'a:0,1 c:0'],
    ['=', '@ple.org', ''],
    ['=', '<>', 'b:0'],
    ['!=', '<>', 'a:0,1 c:0'],
    ['!=', '@example.org', 'b:0'],
    ['~', 'LICE', 'a:0,1'],
    ['!~', 'alice', 'b:0 c:0'],
  ],
  recipient: [
    ['=', 'USER1@example.net', 'a:1'],
    ['=', '@example.com', 'b:0'],
    ['~', 'user', 'a:0,1 c:0'],
  ],
  original: [
    ['=', 'list@lists.example', 'a:0'],
    ['=', '@LISTS.example', 'a:0'],
    ['!=', '@lists.example', 'a:1 b:0 c:0'],
  ],
  domain: [
    ['=', 'Example.COM', 'b:0'],
    ['!=', 'example.net', 'b:0'],
    ['~', 'net', 'a:0,1 c:0'],
  ],
  target: [
    ['=', 'lmtp', 'b:0'],
    ['=', 'LMTP', ''],
    ['!=', 'lmtp', 'a:0,1 c:0'],
    ['~', 'LM', 'b:0'],
  ],
  lane: [
    ['=', 'one.test', 'a:0'],
    ['=', 'One.test', ''],
    ['!=', 'one.test', 'a:1 b:0 c:0'],
    ['~', '.TEST', 'a:0 b:0 c:0'],
  ],
  age: [
    ['<', 2 * HOUR, 'a:0,1'],
    ['<=', HOUR, 'a:0,1'],
    ['<', HOUR, ''],
    ['>', DAY, 'b:0 c:0'],
    ['>=', 2 * DAY, 'b:0 c:0'],
    ['=', HOUR, 'a:0,1'],
  ],
  due: [
    ['<', 0, 'a:1'],
    ['=', 1000, 'c:0'],
    ['>', 500_000, 'a:0 b:0'],
    ['<=', 600_000, 'a:0,1 c:0'],
  ],
  expires: [
    ['<', DAY, 'b:0'],
    ['<=', DAY, 'a:0,1 b:0'],
    ['>', DAY, 'c:0'],
  ],
  tries: [
    ['=', 1, 'a:0'],
    ['=', 0, 'a:1 b:0 c:0'],
    ['>=', 1, 'a:0'],
    ['!=', 0, 'a:0'],
    ['<', 0, ''],
  ],
  priority: [
    ['=', 5, 'a:0'],
    ['<', 0, 'b:0'],
    ['>=', 0, 'a:0,1 c:0'],
  ],
  size: [
    ['=', 100, 'a:0,1'],
    ['>', 100, 'b:0'],
    ['<=', 10, 'c:0'],
  ],
  held: [
    ['=', true, 'b:0'],
    ['=', false, 'a:0,1 c:0'],
    ['!=', true, 'a:0,1 c:0'],
  ],
  hold: [
    ['=', 'QUARANTINED: SPAM', 'b:0'],
    ['~', 'spam', 'b:0'],
    ['!~', 'spam', 'a:0,1 c:0'],
    ['!=', 'x', ALL],
    ['>', '', 'b:0'],
  ],
  leased: [
    ['=', true, 'c:0'],
    ['=', false, 'a:0,1 b:0'],
  ],
  warned: [
    ['=', true, 'a:0'],
    ['=', false, 'a:1 b:0 c:0'],
  ],
  status: [
    ['=', '4.4.1', 'a:0'],
    ['~', '4.', 'a:0'],
    ['!=', '4.4.1', 'a:1 b:0 c:0'],
  ],
  text: [
    ['~', 'no ANSWER', 'a:0'],
    ['!~', 'answer', 'a:1 b:0 c:0'],
    ['=', 'no answer', ''],
  ],
  class: [
    ['=', 'unreachable', 'a:0'],
    ['!=', 'unreachable', 'a:1 b:0 c:0'],
  ],
  host: [
    ['=', 'MX1.example', 'a:0'],
    ['!=', 'mx1.example', 'a:1 b:0 c:0'],
  ],
  remote: [
    ['=', '192.0.2.1', 'a:0,1'],
    ['~', '192.0.2.', 'a:0,1'],
  ],
  helo: [['=', 'one.EXAMPLE', 'a:0,1']],
  login: [
    ['=', 'ALICE', 'a:0,1'],
    ['!=', 'alice', 'b:0 c:0'],
  ],
  listener: [['=', 'submission', 'a:0,1']],
  message: [
    ['=', '<one@x.example>', 'a:0,1'],
    ['~', 'ONE', 'a:0,1'],
  ],
  subject: [
    ['~', 'WORLD', 'a:0,1'],
    ['!~', 'world', 'b:0 c:0'],
  ],
  envid: [
    ['=', 'e-1', 'a:0,1'],
    ['!=', 'E-1', 'b:0 c:0'],
  ],
}

export function queueListContract(backend: StoreBackend): void {
  for (const field of Object.keys(QUEUE_FIELDS) as QueueField[]) {
    contract(backend, `conditions on ${field} choose the rows that fit, and no others`, async bench => {
      await fill(bench)
      for (const [is, value, rows] of FIELDS[field])
        assert.equal(await found(bench, { where: [{ field, is, value }] }), rows, `${field} ${is} ${value}`)
    })
  }

  contract(backend, 'all conditions must fit, and by the same row', async bench => {
    await fill(bench)
    const by = (...where: QueueCondition[]) => found(bench, { where })
    assert.equal(await by({ field: 'tries', is: '=', value: 1 }, { field: 'id', is: '=', value: 'a' }), 'a:0')
    assert.equal(await by({ field: 'tries', is: '=', value: 1 }, { field: 'recipient', is: '~', value: 'user1' }), '')
    assert.equal(await by({ field: 'id', is: '=', value: 'a' }, { field: 'id', is: '=', value: 'b' }), '')
    assert.equal(await by({ field: 'lane', is: '=', value: 'two.test' }, { field: 'target', is: '=', value: 'mx' }), '')
    const held = { field: 'held', is: '=', value: true } as const
    assert.equal(await by(held, { field: 'target', is: '=', value: 'lmtp' }), 'b:0')
    const lane = [
      { field: 'lane', is: '=', value: 'two.test' },
      { field: 'target', is: '=', value: 'lmtp' },
    ] as const
    assert.equal(await by(held, ...lane), 'b:0')
    assert.equal(await by(held, ...lane, { field: 'tries', is: '>', value: 0 }), '')
    assert.equal(await by(), ALL)
  })

  const orders: readonly (readonly [QueueField, string, string])[] = [
    ['id', 'a b c', 'c b a'],
    ['size', 'c a b', 'b a c'],
    ['priority', 'b c a', 'a c b'],
    ['age', 'a b c', 'b c a'],
    ['lane', 'a c b', 'b c a'],
    ['login', 'a b c', 'a b c'],
    ['leased', 'a b c', 'c a b'],
  ]
  for (const [by, ascending, descending] of orders) {
    contract(backend, `sorted by ${by}, also down; what is not there is last, ties are by id`, async bench => {
      await fill(bench)
      const ids = async (filter: QueueFilter) => (await list(bench, filter)).map(({ id }) => id).join(' ')
      assert.equal(await ids({ sort: { by } }), ascending)
      assert.equal(await ids({ sort: { by, descending: true } }), descending)
      assert.equal(await ids({ sort: { by }, limit: 2 }), ascending.split(' ').slice(0, 2).join(' '))
      assert.equal(await ids({ sort: { by }, limit: 0 }), '')
    })
  }

  contract(backend, 'the first row that fits gives the place in the order', async bench => {
    await fill(bench)
    const where = [{ field: 'domain', is: '=', value: 'example.net' }] as const
    assert.equal(await found(bench, { where, sort: { by: 'due' } }), 'c:0 a:0,1')
    const plain = [...where, { field: 'tries', is: '=', value: 0 }] as const
    assert.equal(await found(bench, { where: plain, sort: { by: 'due' } }), 'a:1 c:0')
  })

  contract(backend, 'what comes with a few rows comes with everything else of its message', async bench => {
    await fill(bench)
    const [one] = await list(bench, { where: [{ field: 'tries', is: '=', value: 1 }] })
    const whole = (await bench.store.queue.get('a'))!
    assert.deepEqual(one, { ...whole, rows: whole.rows.slice(0, 1) })
  })

  contract(backend, 'a limit counts messages that fit, also in a long queue and sorted', async bench => {
    const { store } = bench
    const put = (at: number) => {
      const id = `q${String(at).padStart(4, '0')}`
      const rows = [row(0, { priority: at % 7 }), row(1, { lane: 'b.test' })]
      return store.accept(acceptance(id, { rows }))
    }
    await Promise.all(Array.from({ length: 700 }, (_, at) => put(at)))
    const where = [{ field: 'priority', is: '=', value: 6 }] as const
    assert.equal((await list(bench, { where, limit: 50 })).length, 50)
    assert.equal((await list(bench, { where })).length, 100)
    const sort = { by: 'priority', descending: true } as const
    const best = await list(bench, { sort, limit: 30 })
    assert.deepEqual(
      best.map(({ id }) => id),
      Array.from({ length: 30 }, (_, at) => `q${String(at * 7 + 6).padStart(4, '0')}`),
    )
    assert.ok(best.every(({ rows }) => rows.length === 2))
  })

  contract(backend, 'a queue may change while it is listed', async ({ store }) => {
    for (let at = 0; at < 450; at++) await store.accept(acceptance(`q${at}`, { rows: [row(0)] }))
    let seen = 0
    for await (const { id } of store.queue.list()) {
      seen += 1
      await store.queue.change(id, { kind: 'drop' })
      if (seen === 100) await store.accept(acceptance('zz', { rows: [row(0)] }))
    }
    assert.ok(seen >= 450, `${seen} seen`)
    assert.ok((await store.queue.totals()).messages <= 1)
  })
}

async function list({ store }: Bench, filter: QueueFilter): Promise<QueuedMessage[]> {
  const messages: QueuedMessage[] = []
  for await (const one of store.queue.list(filter)) messages.push(one)
  return messages
}

/** As `a:0,1 b:0`. */
async function found(bench: Bench, filter: QueueFilter): Promise<string> {
  const messages = await list(bench, filter)
  return messages.map(({ id, rows }) => `${id}:${rows.map(({ row }) => row).join(',')}`).join(' ')
}
