/** Limits over several workers: what they tell each other over a bus without sockets, by a clock that the test turns. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import type { Bus } from '../../../core/api/index.js'
import { Census, readNews } from '../../../core/net/census.js'
import { Turnstile, type TurnstileLimits } from '../../../core/net/turnstile.js'

const LIMITS: TurnstileLimits = { total: 1_000_000, perNetwork: 3, exempt: [] }

/** Hands news to all others at once, and remembers it. */
class Wire {
  readonly sent: string[] = []
  readonly #ears = new Map<number, (payload: string) => void>()
  #ends = 0
  cut = false

  end(): Bus {
    const own = ++this.#ends
    return {
      publish: (_, payload) => {
        this.sent.push(payload)
        if (!this.cut) for (const [end, ear] of this.#ears) if (end !== own) ear(payload)
      },
      subscribe: (_, listener) => {
        this.#ears.set(own, listener)
        return () => this.#ears.delete(own)
      },
    }
  }
}

interface Worker {
  readonly turnstile: Turnstile
  readonly census: Census
  /** What takes its connections away again. */
  readonly guests: (() => void)[]
  /** Whether one more from there was let in. */
  comes(address: string): boolean
}

describe('workers that count together', () => {
  let wire: Wire
  let workers: Worker[]
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 })
    wire = new Wire()
    workers = []
  })
  afterEach(() => {
    for (const { census } of workers) census.close()
    mock.timers.reset()
  })

  function worker(limits: Partial<TurnstileLimits> = {}): Worker {
    const census = new Census({ bus: wire.end(), clock: Date })
    const turnstile = new Turnstile({ ...LIMITS, ...limits }, census)
    census.begin(turnstile)
    const guests: (() => void)[] = []
    const one = {
      turnstile,
      census,
      guests,
      comes(address: string) {
        if (!turnstile.enter()) return false
        const leave = turnstile.admit(address)
        if (leave === undefined) turnstile.leave()
        else
          guests.push(() => {
            leave()
            turnstile.leave()
          })
        return leave !== undefined
      },
    }
    workers.push(one)
    return one
  }

  /** In small steps: a timer that is set by another begins when that one fires. */
  function pass(ms: number): void {
    for (let left = ms; left > 0; left -= 10) mock.timers.tick(Math.min(10, left))
  }

  test('a network has its limit over all of them, whichever it comes to', () => {
    const [one, two, three] = [worker(), worker(), worker()]
    assert.deepEqual([one.comes('192.0.2.1'), two.comes('192.0.2.2'), one.comes('192.0.2.3')], [true, true, true])
    pass(50)
    for (const each of [one, two, three]) assert.equal(each.comes('192.0.2.4'), false)
    assert.ok(three.comes('198.51.100.1'))
    one.guests.pop()!()
    pass(50)
    assert.ok(three.comes('192.0.2.9'))
    pass(50)
    for (const each of [one, two, three]) assert.equal(each.comes('192.0.2.4'), false)
  })

  test('all connections together have theirs, and stress is that of all', () => {
    const [one, two] = [worker({ total: 10 }), worker({ total: 10 })]
    for (let at = 0; at < 4; at++) assert.ok(one.comes(`10.0.${at}.1`) && two.comes(`10.1.${at}.1`))
    assert.equal(one.turnstile.load, 0.4)
    pass(50)
    assert.deepEqual([one.turnstile.load, two.turnstile.load], [0.8, 0.8])
    assert.ok(one.comes('10.2.0.1') && one.comes('10.2.1.1'))
    assert.equal(one.comes('10.2.2.1'), false)
    pass(50)
    assert.equal(two.comes('10.2.2.1'), false)
  })

  test('a burst exceeds a limit by no more than came within one interval', () => {
    const [one, two] = [worker(), worker()]
    pass(50)
    let inside = 0
    for (let at = 0; at < 10; at++) inside += Number(one.comes('192.0.2.1')) + Number(two.comes('192.0.2.1'))
    assert.equal(inside, 6)
    pass(50)
    for (const leave of [...one.guests.splice(0, 2), ...two.guests.splice(0, 2)]) leave()
    pass(50)
    assert.deepEqual([one.comes('192.0.2.1'), two.comes('192.0.2.1')], [true, true])
  })

  test('who ends takes no connections, counts on, and nobody passes one to its own number', () => {
    const [one, two, before] = [1, 2, 1].map(number => {
      const census = new Census({ bus: wire.end(), clock: Date, worker: number })
      census.begin({ inside: 7, networks: new Map() })
      return census
    })
    pass(100)
    const takers = (census: Census | undefined) => [...census!.takers()].map(({ worker }) => worker)
    assert.deepEqual([takers(one), takers(two)], [[2], [1, 1]])
    before!.takesNoMore()
    pass(50)
    assert.deepEqual([takers(two), two!.total], [[1], 14])
    for (const census of [one, two, before]) census!.close()
  })

  test('changes are told at most every 50 ms, together, and nothing is said between rounds when nothing changed', () => {
    const [one] = [worker(), worker()]
    pass(1000)
    wire.sent.length = 0
    for (let at = 0; at < 20; at++) one.comes(`10.0.${at}.1`)
    pass(49)
    assert.equal(wire.sent.length, 0)
    pass(1)
    assert.equal(wire.sent.length, 1)
    assert.equal((JSON.parse(wire.sent[0]!) as { counts: unknown[] }).counts.length, 20)
    pass(2000)
    assert.equal(wire.sent.length, 1)
    pass(5050)
    assert.equal(wire.sent.length, 3)
  })

  test('one that begins later hears at once what the others have', () => {
    const one = worker()
    for (let at = 0; at < 3; at++) one.comes('192.0.2.1')
    pass(4000)
    const two = worker()
    pass(100)
    assert.equal(two.comes('192.0.2.1'), false)
  })

  test('one that says good-bye is forgotten at once, one that falls silent after 15 s', () => {
    const [one, two, three] = [worker(), worker(), worker()]
    one.comes('192.0.2.1')
    one.comes('192.0.2.1')
    two.comes('192.0.2.1')
    pass(50)
    assert.equal(three.census.of('192.0.2'), 3)
    two.census.close()
    assert.deepEqual([three.census.of('192.0.2'), three.census.total], [2, 2])
    wire.cut = true
    pass(14_949)
    assert.equal(three.census.of('192.0.2'), 2)
    pass(5000)
    assert.deepEqual([three.census.of('192.0.2'), three.census.total], [0, 0])
    wire.cut = false
    pass(5050)
    assert.equal(three.census.of('192.0.2'), 2)
  })

  test('what was lost on the way is mended by a round', () => {
    const [one, two] = [worker(), worker()]
    one.comes('192.0.2.1')
    pass(50)
    wire.cut = true
    one.guests.pop()!()
    one.comes('198.51.100.1')
    pass(50)
    wire.cut = false
    assert.deepEqual([two.census.of('192.0.2'), two.census.of('198.51.100')], [1, 0])
    // the end of one round, and a whole one after it
    pass(5050)
    pass(5050)
    assert.deepEqual([two.census.of('192.0.2'), two.census.of('198.51.100'), two.census.total], [0, 1, 1])
  })

  test('very many networks are told in messages of bounded size, all of them in the end', () => {
    const [one, two] = [worker(), worker()]
    const address = (at: number) => `2001:db8:${(at + 4096).toString(16)}:ffff::1`
    for (let at = 0; at < 3000; at++) assert.ok(one.comes(address(at)))
    pass(1000)
    // as the control socket writes it: a text within a text
    const longest = Math.max(...wire.sent.map(payload => JSON.stringify({ topic: 'connections', payload }).length))
    assert.ok(longest > 10_000 && longest < 40_000, String(longest))
    assert.equal(two.census.total, 3000)
    for (const at of [0, 1499, 2999]) assert.equal(two.census.of([...one.turnstile.networks.keys()][at]!), 1)
  })
})

test('a worker that is alone sends nothing and decides by its own', () => {
  const alone = new Turnstile({ ...LIMITS, total: 2 })
  assert.deepEqual([alone.enter(), alone.enter(), alone.enter(), alone.load], [true, true, false, 1])
})

for (const payload of [
  '',
  'null',
  '[]',
  '7',
  '{}',
  '{"from":"","total":1,"counts":[],"end":true}',
  '{"from":"a","total":-1,"counts":[],"end":true}',
  '{"from":"a","total":1.5,"counts":[],"end":true}',
  '{"from":"a","total":1,"counts":{},"end":true}',
  '{"from":"a","total":1,"counts":[["x"]],"end":true}',
  '{"from":"a","total":1,"counts":[["x",-1]],"end":true}',
  '{"from":"a","total":1,"counts":[[7,1]],"end":true}',
  '{"from":"a","total":1,"counts":[]}',
  JSON.stringify({ from: 'a', total: 1, counts: [['x'.repeat(65), 1]], end: true }),
  JSON.stringify({ from: 'a', total: 1, counts: Array.from({ length: 501 }, () => ['x', 1]), end: true }),
]) {
  test(`${payload.slice(0, 60) || '(nothing)'} is no report`, () => assert.equal(readNews(payload), undefined))
}
