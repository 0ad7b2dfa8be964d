/** Every attempt has a signal of its own that fires in time, whoever else is under way. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Limits } from '../../../core/queue/limits.js'

const NEVER = new AbortController().signal
const untilCut = (signal: AbortSignal) =>
  new Promise<string>(resolve => signal.addEventListener('abort', () => resolve('cut'), { once: true }))

test('what comes later is cut later, and what ends in time is not', async () => {
  const limits = new Limits(60)
  const cut: string[] = []
  const one = limits.within(NEVER, untilCut).then(() => cut.push('first'))
  await sleep(20)
  const other = limits.within(NEVER, untilCut).then(() => cut.push('second'))
  const signals: AbortSignal[] = []
  const short = limits.within(NEVER, async signal => {
    signals.push(signal)
    return 'done'
  })
  assert.equal(await short, 'done')
  await one
  assert.deepEqual(cut, ['first'])
  await other
  assert.deepEqual(cut, ['first', 'second'])
  assert.equal(signals[0]?.aborted, false)
})

test('a stop cuts all that are under way by it, and nothing that comes under another', async () => {
  const limits = new Limits(60_000)
  const stop = new AbortController()
  const cut = [1, 2, 3].map(() => limits.within(stop.signal, untilCut))
  const other = new AbortController()
  const spared = limits.within(other.signal, untilCut)
  stop.abort()
  assert.deepEqual(await Promise.all(cut), ['cut', 'cut', 'cut'])
  const late = limits.within(stop.signal, async signal => signal.aborted)
  assert.equal(await late, true)
  assert.equal(await Promise.race([spared, sleep(20, 'still there')]), 'still there')
  other.abort()
  await spared
})

test('a signal is used again when nobody listens to it, and never after it has fired', async () => {
  const limits = new Limits(60_000)
  const given = (run: (signal: AbortSignal) => void, stop = NEVER) => {
    let mine: AbortSignal | undefined
    const ended = limits.within(stop, async signal => {
      mine = signal
      run(signal)
    })
    return ended.then(() => mine!)
  }
  const first = await given(() => undefined)
  assert.equal(await given(() => undefined), first)
  assert.equal(await given(signal => signal.addEventListener('abort', () => undefined)), first)
  // Somebody still listens to the first.
  const second = await given(() => undefined)
  assert.notEqual(second, first)
  assert.equal(getEventListeners(second, 'abort').length, 0)
  const stop = new AbortController()
  const fired = await given(() => stop.abort(), stop.signal)
  assert.equal(fired.aborted, true)
  assert.equal((await given(() => undefined)).aborted, false)
})

test('a signal that others follow is not used again: they do not fire with a later attempt, and nothing of them stays with it', async () => {
  const limits = new Limits(60_000)
  let follower: AbortSignal | undefined
  let first: AbortSignal | undefined
  await limits.within(NEVER, async signal => {
    first = signal
    follower = AbortSignal.any([signal, new AbortController().signal])
  })
  const stop = new AbortController()
  const later = limits.within(stop.signal, signal => {
    assert.notEqual(signal, first)
    return untilCut(signal)
  })
  stop.abort()
  assert.equal(await later, 'cut')
  assert.equal(follower?.aborted, false)
})

test('what throws is told, and its signal is used again', async () => {
  const limits = new Limits(60_000)
  await assert.rejects(
    limits.within(NEVER, async () => {
      throw new Error('broken')
    }),
    /broken/,
  )
  assert.equal(await limits.within(NEVER, async signal => signal.aborted), false)
})

test('work that ignores its signal is left behind', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const limits = new Limits(60_000)
  const stop = new AbortController()
  const stuck = limits.within(stop.signal, () => new Promise(() => undefined))
  stop.abort()
  t.mock.timers.tick(5000)
  await assert.rejects(stuck, /does not heed its signal/)
})
