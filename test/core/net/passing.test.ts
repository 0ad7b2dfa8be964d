/** Which worker serves a connection: decided by what is known of the others, and never more than a few to one that is silent. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { Passing, type PassOn, type RawConnection } from '../../../core/net/passing.js'

/** A socket with nothing behind it. */
function fakeSocket() {
  const calls: string[] = []
  const handle = { readStop: () => calls.push('stop'), readStart: () => calls.push('start'), close: () => undefined }
  const socket = { _handle: handle, destroy: () => calls.push('destroy') } as unknown as Socket
  return { socket, calls }
}

interface Other {
  worker: number
  total: number
  at: number
}

/** This worker with so many connections, and the others; what it passes on stays on its way until `arrive`. */
function here(inside: number, others: Other[]) {
  const state = { inside, others, passed: [] as number[], arrivals: [] as ((done: boolean) => void)[], served: 0 }
  const passOn: PassOn = (_, worker, __, sent) => {
    state.passed.push(worker)
    state.arrivals.push(sent)
  }
  const passing = new Passing({ inside: () => state.inside, others: () => state.others, passOn })
  const come = () => {
    const { socket, calls } = fakeSocket()
    const passed = passing.offer('mx', socket, () => state.served++)
    if (!passed) state.inside++
    return { passed, calls }
  }
  return { state, come }
}

test('who is alone, or has hardly more than another, serves itself', () => {
  assert.equal(here(1000, []).come().passed, false)
  assert.equal(here(3, [{ worker: 2, total: 0, at: 1 }]).come().passed, false)
  assert.equal(here(100, [{ worker: 2, total: 90, at: 1 }]).come().passed, false)
})

test('what is too much goes to the one with fewest', () => {
  const others = [
    { worker: 2, total: 50, at: 1 },
    { worker: 3, total: 10, at: 1 },
  ]
  const { state, come } = here(100, others)
  const { passed, calls } = come()
  assert.equal(passed, true)
  assert.deepEqual(state.passed, [3])
  assert.deepEqual(calls, ['stop'])
  state.arrivals[0]!(true)
  assert.deepEqual(calls, ['stop', 'destroy'])
  assert.equal(state.served, 0)
})

test('what was given counts until the other says how many it has', () => {
  const other = { worker: 2, total: 0, at: 1 }
  const { state, come } = here(10, [other])
  for (let at = 0; at < 20; at++) come()
  const there = state.passed.length
  assert.equal(state.inside + there, 30)
  assert.ok(state.inside <= there * 1.25 + 5 && there < state.inside, `${state.inside} here, ${there} there`)
  Object.assign(other, { total: 3, at: 2 })
  assert.equal(come().passed, true, 'most of them have left again')
})

test('a worker that says nothing gets no more than a few', () => {
  const { state, come } = here(1000, [{ worker: 2, total: 0, at: 1 }])
  for (let at = 0; at < 100; at++) come()
  assert.equal(state.passed.length, 16)
})

test('as many are on their way as a pipe between processes holds with ease', () => {
  const others = Array.from({ length: 8 }, (_, at) => ({ worker: at + 2, total: 0, at: 1 }))
  const { state, come } = here(1000, others)
  for (let at = 0; at < 200; at++) come()
  assert.equal(state.passed.length, 64)
  for (const arrive of state.arrivals) arrive(true)
  assert.equal(come().passed, true)
})

test('what cannot be passed on is served here, and a connection that is gone is not passed on', () => {
  const { state, come } = here(100, [{ worker: 2, total: 0, at: 1 }])
  const { calls } = come()
  state.arrivals[0]!(false)
  assert.deepEqual(calls, ['stop', 'start'])
  assert.equal(state.served, 1)
  const passing = new Passing({ inside: () => 100, others: () => state.others, passOn: () => assert.fail() })
  assert.equal(
    passing.offer('mx', { _handle: null } as unknown as Socket, () => undefined),
    false,
  )
})

test('a client hears from whoever takes a real connection, with what it had said before anybody read', async t => {
  const server = createServer({ allowHalfOpen: true })
  t.after(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.write('early ')
  const [met] = (await once(server, 'connection')) as [Socket]
  let raw: RawConnection | undefined
  let sent: (done: boolean) => void = () => undefined
  const passing = new Passing({
    inside: () => 100,
    others: () => [{ worker: 2, total: 0, at: 1 }],
    passOn: (_, __, connection, done) => {
      raw = connection
      sent = done
    },
  })
  let served = 0
  assert.equal(
    passing.offer('mx', met, () => served++),
    true,
  )
  sent(false)
  assert.equal(served, 1)
  const heard = once(met, 'data')
  client.write('late')
  assert.match(String((await heard)[0]), /^early/)
  assert.equal(raw, (met as unknown as { _handle: unknown })._handle)
  client.destroy()
  met.destroy()
})
