/** What a running server hears of an admin's changes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bus, QueueEvent } from '../../../core/api/index.js'
import { announce, hear } from '../../../core/pipeline/admin-news.js'
import { rememberingLog } from '../../../core/testing/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { enqueue, until } from '../../contracts/backend.js'

function oneBus(): Bus {
  const listeners = new Set<(payload: string) => void>()
  return {
    publish: (_topic, payload) => {
      for (const listener of listeners) listener(payload)
    },
    subscribe: (_topic, listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function open() {
  const bus = oneBus()
  const store = createMemoryStore()
  const log = rememberingLog()
  const events: QueueEvent[] = []
  const pipeline = {
    tell: (_moment: unknown, asked: object) => void events.push((asked as { event: QueueEvent }).event),
  }
  const stop = hear({ bus, store, pipeline, clock: { now: () => 5000 }, log })
  return { bus, store, log, events, stop }
}

test('what is held by a command is logged and told recipient by recipient', async () => {
  const { bus, store, log, events, stop } = open()
  await enqueue(store, 'q1', {}, {}, {})
  await store.queue.change('q1', { kind: 'hold', reason: 'wait' }, [0, 2])
  announce(bus, { event: 'held', id: 'q1', rows: [0, 2], by: 'root@mail', why: 'spam run' })
  await until(() => events.length === 2)
  assert.deepEqual(
    events.map(({ kind, recipient, hold }) => [kind, recipient, hold]),
    [
      ['held', 'user0@example.net', 'wait'],
      ['held', 'user2@example.net', 'wait'],
    ],
  )
  assert.deepEqual(log.lines.at(-1)?.facts, {
    id: 'q1',
    change: 'held',
    recipients: 2,
    by: 'root@mail',
    why: 'spam run',
  })
  stop()
  announce(bus, { event: 'held', id: 'q1', rows: [0], by: 'root@mail' })
  assert.equal(log.lines.length, 1)
})

test('other changes are lines of the log, and nonsense is nothing', () => {
  const { bus, log } = open()
  announce(bus, { event: 'released', id: 'q1', rows: [1], by: 'root@mail' })
  for (const payload of ['', '{', '{}', 'null', '[1]', '{"event":1,"id":"x","rows":[],"by":"y"}'])
    bus.publish('queue-admin', payload)
  assert.deepEqual(
    log.lines.map(({ facts }) => facts),
    [{ id: 'q1', change: 'released', recipients: 1, by: 'root@mail' }],
  )
})
