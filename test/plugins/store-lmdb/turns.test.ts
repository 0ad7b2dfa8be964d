/** Whose turn it is: never more than there may be, in the order they came, and nobody waits for those who bring nothing. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Turns } from '../../../plugins/store-lmdb/turns.js'

interface Line {
  readonly turns: Turns<object>
  readonly came: string[]
  readonly come: (name: string) => object
  readonly later: (ms: number) => Promise<void>
}

function lineOf(most: number): Line {
  let now = 0
  const turns = new Turns<object>(most, () => now)
  const came: string[] = []
  return {
    turns,
    came,
    come(name) {
      const owner = {}
      void turns.come(owner).then(() => came.push(name))
      return owner
    },
    async later(ms) {
      now += ms
      mock.timers.tick(ms)
      await settled()
    },
  }
}

const settled = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await undefined
}

test('they come in their order, as soon as another has left', async () => {
  const { turns, came, come } = lineOf(2)
  const [a, b, c] = ['a', 'b', 'c', 'd', 'e'].map(come)
  await settled()
  assert.deepEqual(came, ['a', 'b'])
  turns.leave(b!)
  await settled()
  assert.deepEqual(came, ['a', 'b', 'c'])
  turns.leave(a!)
  turns.leave(c!)
  await settled()
  assert.deepEqual(came, ['a', 'b', 'c', 'd', 'e'])
})

test('who leaves while it waits is let go, and takes nobody’s turn', async () => {
  const { turns, came, come } = lineOf(1)
  const [a, b] = ['a', 'b', 'c'].map(come)
  turns.leave(b!)
  await settled()
  assert.deepEqual(came, ['a', 'b'])
  turns.leave(a!)
  await settled()
  assert.deepEqual(came, ['a', 'b', 'c'])
})

test('who brings nothing loses its turn to those who wait; who has begun keeps it, however long it takes', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const { turns, came, come, later } = lineOf(2)
  const [a] = ['a', 'slow', 'c', 'd'].map(come)
  turns.begin(a!)
  await later(50)
  assert.deepEqual(came, ['a', 'slow'])
  for (let i = 0; i < 3; i++) await later(100)
  assert.deepEqual(came, ['a', 'slow', 'c', 'd'])
  const last = come('e')
  turns.begin(last)
  turns.leave(a!)
  await settled()
  assert.deepEqual(came, ['a', 'slow', 'c', 'd', 'e'])
})

test('an owner that has its turn already does not wait for another', async () => {
  const { turns } = lineOf(1)
  const owner = {}
  await turns.come(owner)
  await turns.come(owner)
  turns.leave(owner)
})
