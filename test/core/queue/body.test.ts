/** A body that cannot be read: its rows are held with the reason, whatever the target made of the error, and nobody is bounced. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Job, type Log, MailError, type Outcome, type Store, type Target } from '../../../core/api/index.js'
import { BodyReader } from '../../../core/queue/body.js'
import { QueueRunner } from '../../../core/queue/runner.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { acceptance, filing, row, until } from '../../contracts/backend.js'

const NOW = Date.UTC(2026, 10, 21)
const nothing = (): void => undefined
const log: Log = { error: nothing, warn: nothing, info: nothing, debug: nothing, child: () => log }
const WHY = 'its body cannot be read: no chunk 0 of body x'

const gone = () => new MailError('message-gone', 'no chunk 0 of body x')

type Deliver = (job: Job) => Promise<readonly Outcome[]>

/** A store whose bodies are gone, and a runner over it. */
async function run(deliver: Deliver, scope: Target['scope'], change: (store: Store) => Partial<Store>): Promise<Store> {
  const memory = createMemoryStore({ now: () => NOW })
  const store: Store = { ...memory, ...change(memory) }
  await memory.accept(acceptance('q1', { rows: [row(0, { due: NOW }), row(1, { due: NOW })] }))
  const runner = new QueueRunner({
    store,
    targets: new Map([['mx', { scope, lane: to => to.domain, deliver } satisfies Target]]),
    plan: async () => assert.fail('nobody is to be told'),
    pipeline: { gather: async () => [] as never, tell: () => undefined },
    server: { name: 'us.test' },
    schedule: { retryMs: [1000], warnAfterMs: [], concurrency: 4, perLane: 2, leaseMs: 120_000 },
    clock: { now: () => NOW },
    log,
    metrics: { count: nothing, observe: nothing },
  })
  runner.start()
  await until(async () => (await memory.queue.get('q1'))!.rows.every(one => one.hold !== undefined || one.tries > 0))
  await runner.stop(0)
  return memory
}

const unreadable = (): Partial<Store> => ({ blobs: { draft: assert.fail, read: () => Promise.reject(gone()) } })

for (const [what, deliver] of [
  ['throws it', async job => [(await job.read()).length as never]],
  [
    'calls it a failure of the far side',
    async job => {
      try {
        await job.read()
      } catch {
        // As a client does that was cut off in the middle.
      }
      return job.recipients.map(one => ({ kind: 'deferred', row: one.row, status: '4.4.2', text: 'connection lost' }))
    },
  ],
  [
    'calls it a refusal',
    async job => {
      await job.read().catch(nothing)
      return job.recipients.map(one => ({ kind: 'failed', row: one.row, status: '5.0.0', text: 'no' }))
    },
  ],
] as const satisfies readonly (readonly [string, Deliver])[]) {
  test(`rows are held when the body is gone and the target ${what}`, async () => {
    const store = await run(deliver, 'remote', unreadable)
    const { rows } = (await store.queue.get('q1'))!
    assert.deepEqual(
      rows.map(({ hold, tries }) => [hold, tries]),
      [
        [WHY, 0],
        [WHY, 0],
      ],
    )
    assert.deepEqual(
      (await store.trail.of('q1')).map(({ event, says }) => [event, says.endsWith(WHY)]),
      [
        ['held', true],
        ['held', true],
      ],
    )
  })
}

test('a recipient who had it before the body was found gone has it', async () => {
  const deliver: Deliver = async job => {
    await job.read().catch(nothing)
    return [{ kind: 'delivered', row: 0, remote: 'r', reply: '250 ok' }]
  }
  const { rows } = (await (await run(deliver, 'remote', unreadable)).queue.get('q1'))!
  assert.deepEqual(
    rows.map(({ row: number, hold }) => [number, hold]),
    [[1, WHY]],
  )
})

test('rows are held when the store cannot file them for want of the body', async () => {
  const deliver: Deliver = async job =>
    job.recipients.map(one => ({ kind: 'filed', row: one.row, filings: [filing('ann')] }))
  const store = await run(deliver, 'local', memory => ({
    queue: new Proxy(memory.queue, {
      get: (queue, name) => {
        if (name !== 'settle') return (queue[name as 'get'] as () => unknown).bind(queue)
        return async (...[token, changes, also]: Parameters<typeof queue.settle>) => {
          if ((also?.filings ?? []).length > 0) throw gone()
          return queue.settle(token, changes, also)
        }
      },
    }),
  }))
  const { rows } = (await store.queue.get('q1'))!
  assert.deepEqual(
    rows.map(({ hold }) => hold),
    [WHY, WHY],
  )
})

test('a body that is at hand is not read from the store, whole or in part', async () => {
  const body = new BodyReader({ read: () => Promise.reject(gone()) }, Buffer.from('0123456789'))
  assert.equal((await body.read('x', 2, 5)).toString(), '234')
  assert.equal((await body.read('x')).toString(), '0123456789')
  assert.equal(body.gone, undefined)
})
