/** Which refusals have records of their own, and what is told of the others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrailEntry } from '../../../core/api/index.js'
import { TurnedAways } from '../../../core/pipeline/refusal-entry.js'
import { AT_ONCE, PER_CLIENT, Refusals } from '../../../core/pipeline/refusals.js'
import { quietLog } from '../../harness/log.js'
import { ALICE, anEnvelope, aSession, STRANGER } from '../../harness/session.js'

const HOUR = 3_600_000
const SAID = { code: 550, status: '5.7.1', text: 'no', plugin: 'p', because: { rule: 'r', evidence: 'it was seen' } }

interface Bench {
  readonly clock: { time: number; now(): number }
  readonly refusals: Refusals
  readonly written: TrailEntry[]
}

function bench(): Bench {
  const written: TrailEntry[] = []
  const clock = { time: Date.UTC(2030, 0, 1), now: () => clock.time }
  const trail = { add: async (entries: readonly TrailEntry[]) => void written.push(...entries) }
  return { clock, written, refusals: new Refusals({ trail, clock, log: quietLog }) }
}

function from(address: string) {
  return { stage: 'connect', session: aSession({ remote: { address, port: 1 } }), said: SAID } as const
}

test('a refused session is told with the reply, whose it is and why, and is found by its client', async () => {
  const { refusals, written } = bench()
  refusals.note(from('192.0.2.1'))
  await refusals.close()
  const { id, event, says, facts, by } = written[0]!
  assert.deepEqual([written.length, id, event], [1, aSession().id, 'refused'])
  assert.equal(says, 'Refused the session of 192.0.2.1 with 550 5.7.1 (no; p r, since it was seen).')
  assert.deepEqual([facts.stage, facts.plugin, facts.rule, facts.evidence], ['connect', 'p', 'r', 'it was seen'])
  assert.deepEqual(by, { senders: [], recipients: [], clients: ['192.0.2.1'] })
})

test('recipients that were refused share the record of their transaction, and only the first are named', async () => {
  const { refusals, written } = bench()
  const turnedAway = new TurnedAways()
  for (let n = 0; n < 25; n++) turnedAway.add({ address: `u${n}@example.test`, said: SAID })
  const envelope = anEnvelope({ sender: STRANGER, recipients: [{ address: ALICE, dsn: { notify: [] } }] })
  refusals.note({ stage: 'rcpt', session: aSession(), envelope, turnedAway, said: SAID })
  await refusals.close()
  assert.equal(written.length, 1)
  assert.match(written[0]!.says, /^Nothing was taken from stranger@elsewhere\.test at .*u0@example\.test with 550/)
  assert.match(written[0]!.says, /…$|; and 5 more\.$/)
  assert.equal(written[0]!.facts.recipients, 25)
  assert.deepEqual(written[0]!.by!.senders, ['stranger@elsewhere.test'])
  assert.deepEqual(written[0]!.by!.recipients!.slice(0, 2), ['alice@example.test', 'u0@example.test'])
  assert.equal(written[0]!.by!.recipients!.length, 21)
})

test(`of one client ${PER_CLIENT} refusals an hour have records, and the others are counted`, async () => {
  const { refusals, written, clock } = bench()
  for (let n = 0; n < 100; n++) refusals.note(from('192.0.2.1'))
  refusals.note(from('192.0.2.2'))
  clock.time += HOUR
  refusals.note(from('192.0.2.1'))
  await refusals.close()
  const refused = written.filter(({ event }) => event === 'refused')
  assert.equal(refused.length, PER_CLIENT + 2)
  const [counted] = written.filter(({ event }) => event === 'counted')
  assert.equal(counted!.facts.counted, 100 - PER_CLIENT)
  assert.match(counted!.says, /^80 refusals between .* refused most, all counted: 192\.0\.2\.1 100, 192\.0\.2\.2 1\.$/)
  assert.deepEqual(counted!.by, { clients: ['192.0.2.1', '192.0.2.2'] })
})

test('addresses of one IPv6 network are one client', async () => {
  const { refusals, written } = bench()
  for (let n = 0; n < 100; n++) refusals.note(from(`2001:db8:1:2:${n.toString(16)}::1`))
  await refusals.close()
  assert.equal(written.filter(({ event }) => event === 'refused').length, PER_CLIENT)
  assert.match(written.at(-1)!.says, /2001:db8:1:2::\/64 100/)
})

test(`of all clients ${AT_ONCE} at once have records, and later a few a minute`, async () => {
  const { refusals, written, clock } = bench()
  for (let n = 0; n < 30_000; n++) refusals.note(from(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`))
  clock.time += 60_000
  for (let n = 0; n < 100; n++) refusals.note(from(`11.0.0.${n}`))
  await refusals.close()
  assert.equal(written.filter(({ event }) => event === 'refused').length, AT_ONCE + 30)
  assert.equal(written.find(({ event }) => event === 'counted')!.facts.counted, 30_100 - AT_ONCE - 30)
})

test('a store that takes nothing is a line of the log, and nothing else', async () => {
  const lines: object[] = []
  const log = { warn: (facts: object) => void lines.push(facts) }
  const trail = { add: () => Promise.reject(new Error('disk is full')) }
  const refusals = new Refusals({ trail, clock: { now: () => 0 }, log: log as never })
  refusals.note(from('192.0.2.1'))
  await refusals.close()
  assert.equal(lines.length, 1)
})
