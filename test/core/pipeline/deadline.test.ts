/** What does not come to its end is given up; what does has never had a timer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endedWithin } from '../../../core/pipeline/deadline.js'

const ends = {
  done: (result: string) => `done: ${result}`,
  failed: (error: unknown) => `failed: ${(error as Error).message}`,
  late: () => 'late',
}
const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length

test('work that ends or fails in its turn is told without a timer', async () => {
  const before = timers()
  assert.equal(await endedWithin(Promise.resolve('x'), 1000, ends), 'done: x')
  assert.equal(await endedWithin(Promise.reject(new Error('y')), 1000, ends), 'failed: y')
  await new Promise(setImmediate)
  assert.equal(timers(), before)
})

test('work that takes longer ends with its timer', async () => {
  const before = timers()
  let finish: (text: string) => void = () => undefined
  const waiting = endedWithin(new Promise<string>(resolve => (finish = resolve)), 1_000_000, ends)
  await new Promise(setImmediate)
  assert.equal(timers(), before + 1)
  finish('x')
  assert.equal(await waiting, 'done: x')
  assert.equal(timers(), before)
})

test('work that does not end is given up once', async () => {
  let fail: (error: Error) => void = () => undefined
  const waiting = endedWithin(new Promise<string>((_, reject) => (fail = reject)), 1, ends)
  assert.equal(await waiting, 'late')
  fail(new Error('afterwards'))
  await new Promise(setImmediate)
})

test('what fails while it is told is no promise for ever', async () => {
  const done = () => {
    throw new Error('in telling')
  }
  await assert.rejects(endedWithin(Promise.resolve(1), 1000, { ...ends, done }), /in telling/)
})

/** Not a promise, but awaited like one. */
function thenable(then: (tell: (result: unknown) => void) => void): object {
  return Object.defineProperty({}, 'then', { value: then })
}

for (const [what, work, result] of [
  ['throws when it is awaited', thenable(() => raise('thrown')), 'failed: thrown'],
  ['tells of another promise', thenable(tell => tell(Promise.resolve('x'))), 'done: x'],
  ['tells and then throws', thenable(tell => [tell('x'), raise('late')]), 'done: x'],
  ['is there already', 'x', 'done: x'],
] as const) {
  test(`work of another kind that ${what} ends as a promise would`, async () => {
    assert.equal(await endedWithin(work as unknown as PromiseLike<string>, 1000, ends), result)
  })
}

function raise(text: string): never {
  throw new Error(text)
}
