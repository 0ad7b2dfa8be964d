/** Many recipients in one session: how the peer's limits and refusals part them. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { parseDuration } from '../../../core/text/index.js'
import { CONFIG } from '../../../plugins/mx/config.js'
import { Paces } from '../../../plugins/mx/paces.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig, type Rig } from './rig.js'

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function sent(to: readonly string[], options: SinkOptions, config: Parameters<typeof makeRig>[0] = {}) {
  const sink = await new SmtpSink(options).start()
  open.push(() => sink.stop())
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` }, ...config })
  open.push(rig.dispose)
  const outcomes = await rig.deliver(makeJob(to))
  return { sink, kinds: outcomes.toSorted((a, b) => a.row - b.row).map(({ kind }) => kind), rig }
}

const people = (count: number, domain = 'them.test') => Array.from({ length: count }, (_, n) => `p${n}@${domain}`)

test('a hundred recipients go in one transaction', async () => {
  const { sink, kinds } = await sent(people(100), {})
  assert.deepEqual(new Set(kinds), new Set(['delivered']))
  assert.equal(sink.messages.length, 1)
  assert.equal(sink.messages[0]!.recipients.length, 100)
})

test('a batch of which nobody is known does not keep the next one from its mail', async () => {
  const script: SinkOptions['script'] = (stage, argument) =>
    stage === 'rcpt' && /<p[0-3]@/.test(argument) ? '550 5.1.1 nobody' : undefined
  const { sink, kinds } = await sent(people(6), { keywords: ['PIPELINING', 'LIMITS RCPTMAX=2'], script })
  assert.deepEqual(kinds, ['failed', 'failed', 'failed', 'failed', 'delivered', 'delivered'])
  assert.equal(sink.connections, 1)
})

for (const reply of ['452 4.2.2 mailbox full', '450 4.7.1 greylisted']) {
  test(`"${reply}" for the first of a server that takes one at a time keeps nobody else from their mail`, async () => {
    const script: SinkOptions['script'] = (stage, argument) =>
      stage === 'rcpt' && argument.includes('<p0@') ? reply : undefined
    const { sink, kinds } = await sent(people(4), { keywords: ['PIPELINING', 'LIMITS RCPTMAX=1'], script })
    assert.deepEqual(kinds, ['deferred', 'delivered', 'delivered', 'delivered'])
    assert.deepEqual([sink.connections, sink.commands.filter(line => line.includes('<p0@')).length], [1, 1])
  })
}

test('a server that has no room for the first of its recipients is not asked for the others, nor for ever', async () => {
  const script: SinkOptions['script'] = stage => (stage === 'rcpt' ? '452 4.3.1 no room' : undefined)
  const { sink, kinds } = await sent(people(4), { keywords: ['PIPELINING', 'LIMITS RCPTMAX=1'], script })
  assert.deepEqual(new Set(kinds), new Set(['deferred']))
  assert.equal(sink.commands.filter(line => line.includes('RCPT')).length, 1)
})

for (const [reply, transactions] of [
  ['452 4.5.3 too many', 2],
  ['452 too many', 2],
  ['552 too many', 2],
  ['452 4.2.2 mailbox full', 1],
] as const) {
  test(`"${reply}" for the last of three makes ${transactions} transactions`, async () => {
    let refusals = 0
    const script: SinkOptions['script'] = (stage, argument) =>
      stage === 'rcpt' && argument.includes('<p2@') && refusals++ === 0 ? reply : undefined
    const { sink, kinds } = await sent(people(3), { script })
    assert.equal(sink.messages.length, transactions)
    assert.equal(kinds[2], transactions === 2 ? 'delivered' : 'deferred')
    assert.equal(sink.connections, 1)
  })
}

test('RCPTDOMAINMAX is kept for all of a session, and the others go over another one', async () => {
  const to = ['a@one.test', 'b@two.test', 'c@one.test', 'd@three.test']
  const keywords = ['PIPELINING', 'LIMITS RCPTDOMAINMAX=2']
  const { sink, kinds, rig } = await sent(to, { keywords }, { keep_idle: '5s' })
  assert.deepEqual(kinds, ['delivered', 'delivered', 'delivered', 'deferred'])
  assert.deepEqual(
    sink.messages.map(({ recipients }) => recipients),
    [['a@one.test', 'b@two.test', 'c@one.test']],
  )
  assert.deepEqual(
    (await rig.deliver(makeJob(['d@three.test']))).map(({ kind }) => kind),
    ['delivered'],
  )
  assert.equal(sink.messages[1]!.connection, 2)
})

const MINUTE_MS = 60_000

/** Each MAIL and RCPT takes five minutes of a clock of its own, and an attempt is over after thirty, as core has it. */
async function slowWorld(keywords: readonly string[]) {
  const world = { now: Date.UTC(2026, 0, 1), until: 0, over: new AbortController() }
  const script: SinkOptions['script'] = stage => {
    if (stage !== 'mail' && stage !== 'rcpt') return undefined
    world.now += 5 * MINUTE_MS
    if (world.now < world.until) return undefined
    world.over.abort()
    return { kind: 'silent' }
  }
  const sink = await new SmtpSink({ keywords, script }).start()
  open.push(() => sink.stop())
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` } }, [], 'us.test', {
    clock: { now: () => world.now },
  })
  open.push(rig.dispose)
  const attempt = (to: readonly string[]): ReturnType<Rig['deliver']> => {
    world.over = new AbortController()
    world.until = world.now + 30 * MINUTE_MS
    return rig.deliver(makeJob(to), world.over.signal)
  }
  return { sink, world, attempt }
}

for (const keywords of [[], ['PIPELINING']]) {
  test(`a server slow with each recipient, with ${keywords.join() || 'no'} extension, gets all of the mail in some attempts`, async () => {
    const { sink, world, attempt } = await slowWorld(keywords)
    let left = people(12)
    for (let attempts = 0; attempts < 8 && left.length > 0; attempts += 1) {
      const outcomes = await attempt(left)
      const served = new Set(outcomes.flatMap(({ kind, row }) => (kind === 'delivered' ? [row] : [])))
      left = left.filter((_, row) => !served.has(row))
      world.now += 60 * MINUTE_MS
    }
    assert.deepEqual(left, [])
    const got = sink.messages.flatMap(({ recipients }) => recipients)
    assert.deepEqual(got, people(12), 'each once')
  })
}

test('a server that has become quick is given a hundred at once again, and so is one of which nothing was heard for a day', async () => {
  const DAY_MS = 24 * 60 * MINUTE_MS
  let now = 0
  const paces = new Paces(() => now)
  paces.note('a.test', 5 * MINUTE_MS)
  paces.note('b.test', 20_000)
  assert.deepEqual(
    [paces.atOnce('a.test'), paces.atOnce('b.test'), paces.atOnce('c.test')],
    [2, 30, Number.POSITIVE_INFINITY],
  )
  paces.note('b.test', 10)
  assert.equal(paces.atOnce('b.test'), Number.POSITIVE_INFINITY)
  now = DAY_MS
  assert.equal(paces.atOnce('a.test'), Number.POSITIVE_INFINITY)
})

test('not more is kept of slow servers than of a thousand, and each is offered one at least', () => {
  const paces = new Paces(() => 0)
  for (let i = 0; i <= 1000; i += 1) paces.note(`${i}.test`, 60 * MINUTE_MS)
  assert.deepEqual(
    [paces.atOnce('0.test'), paces.atOnce('1.test'), paces.atOnce('1000.test')],
    [Number.POSITIVE_INFINITY, 1, 1],
  )
})

// RFC 5321 §4.5.3.2: what a client should wait at least.
for (const [key, least] of [
  ['greeting_timeout', '5m'],
  ['command_timeout', '5m'],
  ['data_timeout', '2m'],
  ['block_timeout', '3m'],
  ['final_timeout', '10m'],
] as const) {
  test(`as shipped ${key} is ${least} at least`, () => {
    assert.ok(parseDuration(CONFIG.properties[key].default)! >= parseDuration(least)!)
  })
}
