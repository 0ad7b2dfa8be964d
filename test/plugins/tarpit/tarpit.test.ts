import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../../core/api/index.js'
import { aCall, anEnvelope, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { delayFor, slowDown, type TarpitParts } from '../../../plugins/tarpit/delays.js'
import tarpit from '../../../plugins/tarpit/index.js'

const TERMS = { free: 3, stepMs: 1000, mostMs: 15_000, labels: ['bad'] }

for (const [commands, labels, ms] of [
  [0, ['mx'], 0],
  [3, ['mx'], 0],
  [4, ['mx'], 1000],
  [10, ['mx'], 7000],
  [1_000_000, ['mx'], 15_000],
  [0, ['mx', 'bad'], 1000],
  [4, ['mx', 'bad'], 2000],
] as const) {
  test(`after ${commands} refusals with ${labels.join()} an answer waits ${ms} ms`, () => {
    assert.equal(delayFor({ refused: { commands, unknown: 0 }, labels: new Set(labels) }, TERMS), ms)
  })
}

function aTarpit(more: Partial<TarpitParts> = {}) {
  const waits: number[] = []
  const counted: string[] = []
  const parts: TarpitParts = {
    ...TERMS,
    state: createMemoryState(),
    clock: { now: () => 1_800_000_000_000 },
    atOnce: 2,
    count: name => counted.push(name),
    pause: async ms => void waits.push(ms),
    ...more,
  }
  return { parts, waits, counted }
}

const OFFENDER = aSession({ refused: { commands: 5, unknown: 5 } })

test('only so many are held at once; the next are answered, and places come back', async () => {
  const letGo: (() => void)[] = []
  const { parts, counted } = aTarpit({ pause: () => new Promise(resolve => letGo.push(resolve)) })
  const held = [slowDown(OFFENDER, parts, aCall()), slowDown(OFFENDER, parts, aCall())]
  await slowDown(OFFENDER, parts, aCall())
  assert.deepEqual(counted, ['slowed', 'slowed', 'full'])
  for (const go of letGo.splice(0)) go()
  await Promise.all(held)
  const next = slowDown(OFFENDER, parts, aCall())
  await new Promise(setImmediate)
  letGo[0]!()
  await next
  assert.equal(counted.at(-1), 'slowed')
})

test('a place comes back from a wait that failed', async () => {
  const { parts } = aTarpit({ atOnce: 1, pause: () => Promise.reject(new Error('broken')) })
  await assert.rejects(slowDown(OFFENDER, parts, aCall()), /broken/)
  assert.notEqual(await parts.state.enter('slowed', 1, 0), undefined)
})

test('an entry that observes says what it would have done, and does not wait', async () => {
  const { parts, waits } = aTarpit()
  const log = rememberingLog()
  await slowDown(OFFENDER, parts, aCall({ log, observed: true }))
  assert.deepEqual(waits, [])
  assert.equal(log.lines[0]?.facts.ms, 2000)
})

for (const [what, more] of [
  ['who logged in', { account: { id: 'a', login: 'a', addresses: [] } }],
  ['a trusted network', { trusted: true }],
  ['LMTP', { protocol: 'lmtp' }],
  ['a client without fault', { refused: { commands: 0, unknown: 0 } }],
] as const) {
  test(`never held: ${what}`, async () => {
    const { hooks, call } = await setUp(tarpit)
    const session = { ...OFFENDER, ...more }
    const recipient = { address: { local: 'alice', domain: 'example.test' }, dsn: { notify: [] } }
    // Whoever is held would be answered by a promise that is not settled for seconds.
    const answer = hooks.rcpt!({ session, envelope: anEnvelope(), recipient }, call)
    assert.equal(await Promise.race([answer, new Promise(resolve => setImmediate(resolve, 'held'))]), undefined)
  })
}

test('the wait ends with the client', async () => {
  const { hooks } = await setUp(tarpit)
  const gone = new AbortController()
  const answer = hooks.helo!({ session: OFFENDER, name: 'x' }, aCall({ signal: gone.signal }))
  gone.abort()
  assert.equal(await answer, undefined)
})

test('a delay beyond the deadline of hooks is a fault', async () => {
  await assert.rejects(setUp(tarpit, { config: { most: '1m' } }), ConfigError)
})
