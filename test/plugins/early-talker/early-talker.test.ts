import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, type Session } from '../../../core/api/index.js'
import { aCall, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import earlyTalker from '../../../plugins/early-talker/index.js'
import { type WaitingParts, WaitingRoom } from '../../../plugins/early-talker/waiting.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'

const DAY = 86_400_000

function aRoom(more: Partial<WaitingParts> = {}) {
  const clock = { at: 1_800_000_000_000, now: () => clock.at }
  const waits: number[] = []
  const counted: string[] = []
  const room = new WaitingRoom({
    state: createMemoryState(),
    clock,
    waitMs: 4000,
    labels: ['rdns-missing'],
    everyone: false,
    rememberMs: 7 * DAY,
    atOnce: 2,
    count: name => counted.push(name),
    pause: async ms => void waits.push(ms),
    ...more,
  })
  const from = (address: string, session: Partial<Session> = {}) => ({
    session: aSession({ remote: { address, port: 1 }, ...session }),
  })
  return { room, clock, waits, counted, from }
}

for (const [what, session, waits] of [
  ['nobody in particular', {}, false],
  ['with the label', { labels: new Set(['mx', 'rdns-missing']) }, true],
  ['with the label, trusted', { labels: new Set(['rdns-missing']), trusted: true }, false],
  ['with the label, by LMTP', { labels: new Set(['rdns-missing']), protocol: 'lmtp' }, false],
] as const) {
  test(`a client ${what} ${waits ? 'waits' : 'is greeted at once'}`, async () => {
    const { room, waits: waited, from } = aRoom()
    await room.connect(from('192.0.2.1', session), aCall())
    assert.deepEqual(waited, waits ? [4000] : [])
  })
}

test('the network of an early talker waits from then on, until a week without offence', async () => {
  const { room, clock, waits, from } = aRoom()
  const log = rememberingLog()
  await room.disconnect({ ...from('192.0.2.1'), end: 'early' }, aCall({ log }))
  assert.deepEqual(log.lines[0]?.facts, { remote: '192.0.2.1', network: '192.0.2.0/24', offences: 1 })
  await room.connect(from('192.0.2.99'), aCall())
  await room.connect(from('198.51.100.1'), aCall())
  assert.equal(waits.length, 1)
  clock.at += 7 * DAY
  await room.connect(from('192.0.2.99'), aCall())
  assert.equal(waits.length, 1)
})

test('a session that ended otherwise is no offence', async () => {
  const { room, waits, from } = aRoom()
  for (const end of ['quit', 'gone', 'refused']) await room.disconnect({ ...from('192.0.2.1'), end }, aCall())
  await room.connect(from('192.0.2.1'), aCall())
  assert.deepEqual(waits, [])
})

test('only so many wait at once; when one has waited there is room again', async () => {
  const letGo: (() => void)[] = []
  const { room, counted, from } = aRoom({ everyone: true, pause: () => new Promise(resolve => letGo.push(resolve)) })
  const waiting = [1, 2].map(i => room.connect(from(`192.0.2.${i}`), aCall()))
  await room.connect(from('192.0.2.3'), aCall())
  assert.deepEqual(counted, ['full'])
  for (const go of letGo.splice(0)) go()
  await Promise.all(waiting)
  const next = room.connect(from('192.0.2.4'), aCall())
  await new Promise(setImmediate)
  assert.equal(letGo.length, 1)
  letGo[0]!()
  await next
  assert.deepEqual(counted, ['full', 'waited', 'waited', 'waited'])
})

test('an entry that observes says who would have waited, and does not wait', async () => {
  const { room, waits, from } = aRoom({ everyone: true })
  const log = rememberingLog()
  await room.connect(from('192.0.2.1'), aCall({ log, observed: true }))
  assert.deepEqual(waits, [])
  assert.equal(log.lines[0]?.sentence, 'would have waited before the greeting')
})

test('the wait ends with the client', async () => {
  const { hooks } = await setUp(earlyTalker, { config: { everyone: true, wait: '20s' } })
  const gone = new AbortController()
  const answer = hooks.connect!({ session: aSession() }, aCall({ signal: gone.signal }))
  gone.abort()
  assert.equal(await answer, undefined)
})

test('a wait beyond the deadline of hooks is a fault', async () => {
  await assert.rejects(setUp(earlyTalker, { config: { wait: '1m' } }), ConfigError)
})
