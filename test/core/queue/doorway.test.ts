import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Doorway } from '../../../core/queue/doorway.js'

function rig(most = 10) {
  let now = 1000
  mock.timers.enable({ apis: ['setTimeout'] })
  const doorway = new Doorway<string, number>(most, () => now)
  const pass = (ms: number) => {
    now += ms
    mock.timers.tick(ms)
  }
  return { doorway, pass, end: () => mock.timers.reset() }
}

test('who waits gets the place that comes free, in the order of coming', async () => {
  const { doorway, end } = rig()
  const [a, b, c] = [doorway.wait('a'), doorway.wait('b'), doorway.wait('c')]
  let places = 1
  doorway.open(() => (places > 0 ? places-- : undefined))
  assert.equal(await a, 1)
  assert.equal(doorway.size, 2)
  doorway.open(key => (key === 'c' ? 7 : undefined))
  assert.equal(await c, 7, 'another destination does not wait for the first')
  doorway.close()
  assert.equal(await b, undefined)
  assert.equal(doorway.size, 0)
  end()
})

test('when nobody was let in for a while all go on, and nobody waits for a second', async () => {
  const { doorway, pass, end } = rig()
  const first = doorway.wait('a')
  pass(60)
  const second = doorway.wait('a')
  pass(40)
  assert.deepEqual([await first, await second], [undefined, undefined])
  assert.equal(doorway.wait('a'), undefined)
  pass(999)
  assert.equal(doorway.wait('a'), undefined)
  pass(1)
  assert.ok(doorway.wait('a') instanceof Promise)
  doorway.close()
  end()
})

test('while others are let in the wait goes on, but not for long', async () => {
  const { doorway, pass, end } = rig(100)
  const last = doorway.wait('slow')
  for (let n = 0; n < 5; n++) {
    const one = doorway.wait('a')
    pass(90)
    doorway.open(key => (key === 'a' ? n : undefined))
    assert.equal(await one, n)
    assert.equal(doorway.size, 1)
  }
  pass(60)
  const other = doorway.wait('a')
  doorway.open(() => undefined)
  assert.deepEqual([await last, await other], [undefined, undefined])
  end()
})

test('only so many wait', () => {
  const { doorway, end } = rig(2)
  assert.deepEqual(
    ['a', 'b', 'c'].map(key => doorway.wait(key) !== undefined),
    [true, true, false],
  )
  doorway.close()
  end()
})
