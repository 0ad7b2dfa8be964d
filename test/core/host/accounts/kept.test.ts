/** What is kept of a source across a network: for how long, how much, and what counts while it is away. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Keeping, MailError, type State } from '../../../../core/api/index.js'
import { createMemoryState } from '../../../../plugins/store-memory/state.js'
import { aSource, join, joinBeside, person } from './sources.js'

const KEEP: Keeping = { foundMs: 1000, missingMs: 100, staleMs: 5000, most: 100 }
const ANN = person('ann')
const isDown = (error: unknown) => error instanceof MailError && error.errorCode === 'directory-unavailable'

function scene(keep: Partial<Keeping> = {}, people = [ANN]) {
  const source = aSource(people, { name: 'far', keep: { ...KEEP, ...keep } })
  return { ...join(source), source }
}

describe('an answer is kept', () => {
  test('while it is fresh, in any case of letters', async () => {
    const { joined, source, clock } = scene()
    await joined.byLogin('ann')
    clock.at = 999
    assert.equal((await joined.byLogin('ANN'))?.login, 'ann')
    assert.equal(source.asked.length, 1)
    clock.at = 1000
    await joined.byLogin('ann')
    assert.equal(source.asked.length, 2)
  })

  test('that there is nobody, for a shorter while', async () => {
    const { joined, source, clock } = scene()
    await joined.byLogin('bob')
    clock.at = 99
    assert.equal(await joined.byLogin('bob'), undefined)
    assert.equal(source.asked.length, 1)
    source.people = [person('bob')]
    clock.at = 100
    assert.equal((await joined.byLogin('bob'))?.login, 'bob')
  })

  test('for the delivery that follows: who was found by an address is known by id', async () => {
    const { joined, source } = scene()
    await joined.byAddress('ann@example.test')
    assert.equal((await joined.byId('id-ann'))?.login, 'ann')
    assert.deepEqual(source.asked, ['byAddress ann@example.test'])
  })

  test('and asked for once, however many ask at the same time', async () => {
    const { joined, source } = scene()
    const found = await Promise.all(Array.from({ length: 10 }, () => joined.byLogin('ann')))
    assert.ok(found.every(one => one?.login === 'ann'))
    assert.equal(source.asked.length, 1)
  })

  test('until somebody says to forget; an answer on its way then is not kept either', async () => {
    const { joined, source, forget } = scene()
    await joined.byLogin('ann')
    forget()
    const asking = joined.byLogin('ann')
    forget()
    await asking
    await joined.byLogin('ann')
    assert.equal(source.asked.length, 3)
  })

  test('within a number: what was not asked for longest goes first', async () => {
    // An account takes two places: it is kept by its id, too.
    const { joined, source } = scene({ most: 4 }, [person('a'), person('b'), person('c')])
    await joined.byLogin('a')
    await joined.byLogin('b')
    await joined.byLogin('a')
    await joined.byLogin('c')
    await joined.byLogin('a')
    assert.deepEqual(source.asked, ['byLogin a', 'byLogin b', 'byLogin c'])
    await joined.byLogin('b')
    assert.equal(source.asked.length, 4)
  })

  test('apart from whom nobody has: who tries many names drives nobody out', async () => {
    const { joined, source, clock } = scene({ most: 3 })
    await joined.byLogin('ann')
    for (const name of 'abcdefgh') await joined.byLogin(name)
    source.down = true
    clock.at = 2000
    assert.equal((await joined.byLogin('ann'))?.login, 'ann')
  })

  test('somebody who was removed is not taken for there while the source is away later', async () => {
    const { joined, source, clock } = scene()
    await joined.byLogin('ann')
    source.people = []
    clock.at = 1000
    assert.equal(await joined.byLogin('ann'), undefined)
    source.down = true
    clock.at = 2000
    await assert.rejects(joined.byLogin('ann'), isDown)
  })

  test('not at all where the source says 0', async () => {
    const { joined, source } = scene({ foundMs: 0, missingMs: 0, staleMs: 0 })
    for (const login of ['ann', 'ann', 'bob', 'bob']) await joined.byLogin(login)
    assert.equal(source.asked.length, 4)
  })
})

describe('while the source is away', () => {
  test('whom it had still counts, for so long', async () => {
    const { joined, source, clock, metrics } = scene()
    await joined.byLogin('ann')
    source.down = true
    clock.at = 4999
    assert.equal((await joined.byLogin('ann'))?.login, 'ann')
    assert.equal((await joined.byId('id-ann'))?.login, 'ann')
    assert.equal(metrics.counters.get('accounts.stale'), 2)
    clock.at = 5000
    await assert.rejects(joined.byLogin('ann'), isDown)
  })

  test('whom it did not have is not known: they may have been added meanwhile', async () => {
    const { joined, source, clock } = scene()
    await joined.byLogin('bob')
    source.down = true
    clock.at = 100
    await assert.rejects(joined.byLogin('bob'), isDown)
  })

  test('the log says so once, and once that it is back', async () => {
    const { joined, source, clock, log } = scene()
    source.down = true
    for (const login of ['ann', 'bob', 'carol']) await assert.rejects(joined.byLogin(login), isDown)
    source.down = false
    clock.at = 700
    await joined.byLogin('ann')
    await joined.byLogin('bob')
    assert.deepEqual(
      log.lines.map(({ level, sentence }) => `${level} ${sentence}`),
      ['warn source of accounts is away, mail for whom it alone knows waits', 'info source of accounts is back'],
    )
    assert.deepEqual(log.lines[1]!.facts, { source: 'far', awayMs: 700 })
  })

  test('it is not back when it only says of whom it cannot have that there is nobody', async () => {
    const { joined, source, log } = scene()
    source.down = true
    await assert.rejects(joined.byLogin('ann'), isDown)
    Object.assign(source.accounts, { byId: async () => undefined })
    assert.equal(await joined.byId('elsewhere'), undefined)
    await assert.rejects(joined.byLogin('ann'), isDown)
    assert.equal(log.lines.length, 1)
  })

  test('a fault that is no outage is not covered up', async () => {
    const { joined, source, clock } = scene()
    await joined.byLogin('ann')
    clock.at = 2000
    Object.defineProperty(source, 'people', {
      get: () => {
        throw new TypeError('a bug')
      },
    })
    await assert.rejects(joined.byLogin('ann'), TypeError)
  })
})

describe('other processes, and the next start', () => {
  function two(keep: Partial<Keeping> = {}) {
    const state = createMemoryState()
    const put = { count: 0 }
    const counted: State = Object.assign(Object.create(state) as State, {
      put: (key: string, value: string, expires: number) => {
        put.count++
        return state.put(key, value, expires)
      },
      get: state.get.bind(state),
      remove: state.remove.bind(state),
    })
    const source = aSource([ANN], { name: 'far', keep: { ...KEEP, ...keep } })
    return { source, put, one: joinBeside(counted, source), other: joinBeside(counted, source) }
  }

  test('know while the source is away whom one of them has found, for as long, and nobody else', async () => {
    const { source, one, other } = two()
    await one.joined.byAddress('ann@example.test')
    source.down = true
    other.clock.at = 4999
    assert.equal((await other.joined.byAddress('ann@example.test'))?.login, 'ann')
    assert.equal((await other.joined.byId('id-ann'))?.source, 'far')
    await assert.rejects(other.joined.byLogin('bob'), isDown)
    other.clock.at = 5000
    await assert.rejects(other.joined.byAddress('ann@example.test'), isDown)
  })

  test('know by login and addresses who was found by either', async () => {
    const { source, one, other } = two()
    await one.joined.byLogin('ann')
    source.down = true
    assert.equal((await other.joined.byAddress('Ann@example.test'))?.login, 'ann')
    assert.equal((await one.joined.byAddress('ann@example.test'))?.login, 'ann')
  })

  test('do not know whom one of them has heard to be gone', async () => {
    const { source, one, other } = two()
    await one.joined.byLogin('ann')
    source.people = []
    one.clock.at = 1000
    assert.equal(await one.joined.byLogin('ann'), undefined)
    source.down = true
    await assert.rejects(other.joined.byLogin('ann'), isDown)
  })

  test('are told of somebody seldom, however often they are asked for', async () => {
    const { one, put } = two({ foundMs: 0, staleMs: 10_000 })
    for (let at = 0; at < 1000; at += 100) {
      one.clock.at = at
      await one.joined.byLogin('ann')
    }
    assert.equal(put.count, 3, 'by login, by id and by address')
    one.clock.at = 1000
    await one.joined.byLogin('ann')
    assert.equal(put.count, 6)
  })

  test('are told nothing where nothing shall count', async () => {
    const { source, one, other, put } = two({ staleMs: 0 })
    await one.joined.byLogin('ann')
    assert.equal(put.count, 0)
    source.down = true
    await assert.rejects(other.joined.byLogin('ann'), isDown)
  })
})
