/** Mail by BDAT to peers that offer CHUNKING, and what becomes of it at those that offer it and cannot do it. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { Job, Outcome } from '../../../core/api/index.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { MESSAGE, makeJob, makeRig, PATIENT } from './rig.js'

const CHUNKING = ['PIPELINING', '8BITMIME', 'CHUNKING']
const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function toSink(options: SinkOptions, config: Parameters<typeof makeRig>[0] = {}) {
  const sink = await new SmtpSink({ keywords: CHUNKING, ...options }).start()
  open.push(() => sink.stop())
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` }, ...config })
  open.push(rig.dispose)
  return { sink, send: async (job: Job) => sorted(await rig.deliver(job)) }
}

function sorted(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.toSorted((a, b) => a.row - b.row)
}

const kinds = (outcomes: readonly Outcome[]) => outcomes.map(({ kind }) => kind)
const used = (sink: SmtpSink, verb: string) => sink.commands.filter(line => line.split(' ')[1] === verb)
const JOB = makeJob(['b@them.test'])

for (const keywords of [CHUNKING, ['CHUNKING', '8BITMIME']]) {
  test(`any mail goes by BDAT, octet for octet, to a peer with ${keywords.join(' ')}`, async () => {
    const { sink, send } = await toSink({ keywords })
    assert.deepEqual(kinds(await send(JOB)), ['delivered'])
    assert.deepEqual(sink.messages[0]!.data, MESSAGE)
    assert.deepEqual(used(sink, 'BDAT'), [`1 BDAT ${MESSAGE.length} LAST`])
    assert.deepEqual(used(sink, 'DATA'), [])
  })
}

test('with chunking turned off it goes by DATA', async () => {
  const { sink, send } = await toSink({}, { chunking: false })
  assert.deepEqual(kinds(await send(JOB)), ['delivered'])
  assert.deepEqual(used(sink, 'BDAT'), [])
})

test('a bare line end goes out as CRLF, an open last line is ended, and the chunk is as long as it says', async () => {
  const { sink, send } = await toSink({})
  const bytes = Buffer.from('A: b\r\n\r\none\ntwo\rthree\r\n.four\r')
  for (const chunkBytes of [1, 5, 100])
    assert.deepEqual(kinds(await send(makeJob(['b@them.test'], { bytes, chunkBytes }))), ['delivered'])
  for (const { data } of sink.messages) assert.equal(data.toString(), 'A: b\r\n\r\none\r\ntwo\r\nthree\r\n.four\r\n')
})

test('a large mail goes in chunks of half a megabyte, each after the answer to the one before', async () => {
  const { sink, send } = await toSink({})
  const bytes = Buffer.from(`A: b\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(17_000))
  assert.deepEqual(kinds(await send(makeJob(['b@them.test'], { bytes }))), ['delivered'])
  assert.ok(sink.messages[0]!.data.equals(bytes))
  const sizes = used(sink, 'BDAT').map(line => Number(line.split(' ')[2]))
  assert.equal(sizes.length, 3)
  assert.ok(sizes.every(size => size <= 524_288))
  assert.match(used(sink, 'BDAT').at(-1)!, / LAST$/)
})

test('after a refused chunk no other is sent, and the session goes on in step', async () => {
  let refusals = 1
  const { sink, send } = await toSink(
    {
      script: (stage, argument) =>
        stage === 'data' && argument === 'BDAT' && refusals-- > 0 ? '452 4.3.1 disk full' : undefined,
    },
    { keep_idle: '5s' },
  )
  const bytes = Buffer.alloc(1_200_000, 'abc\r\n')
  const [first] = await send(makeJob(['b@them.test'], { bytes }))
  assert.ok(first?.kind === 'deferred' && first.status === '4.3.1', JSON.stringify(first))
  assert.equal(used(sink, 'BDAT').length, 1)
  assert.deepEqual(kinds(await send(JOB)), ['delivered'])
  assert.equal(sink.connections, 1)
  assert.deepEqual(
    sink.messages.map(({ data }) => data.equals(MESSAGE)),
    [true],
  )
})

test('after the whole message was refused RSET comes before the next one', async () => {
  let refusals = 1
  const script: SinkOptions['script'] = stage =>
    stage === 'end' && refusals-- > 0 ? '554 5.7.1 not this one' : undefined
  const { sink, send } = await toSink({ script }, { keep_idle: '5s' })
  assert.deepEqual(kinds(await send(JOB)), ['failed'])
  assert.deepEqual(kinds(await send(JOB)), ['delivered'])
  assert.equal(used(sink, 'RSET').length, 1)
  assert.deepEqual(kinds(await send(JOB)), ['delivered'])
  assert.equal(used(sink, 'RSET').length, 1)
  assert.equal(sink.connections, 1)
})

test('nobody taken: no chunk is sent, and the session goes on', async () => {
  const { sink, send } = await toSink(
    { script: (stage, argument) => (stage === 'rcpt' && /<no@/.test(argument) ? '550 5.1.1 no' : undefined) },
    { keep_idle: '5s' },
  )
  assert.deepEqual(kinds(await send(makeJob(['no@them.test']))), ['failed'])
  assert.deepEqual(kinds(await send(makeJob(['no@them.test', 'b@them.test']))), ['failed', 'delivered'])
  assert.equal(used(sink, 'BDAT').length, 1)
  assert.equal(sink.connections, 1)
})

for (const [what, answer] of [
  ['does not know BDAT', '500 5.5.1 what?'],
  ['finds no sense in BDAT', '501 syntax'],
  ['has BDAT turned off', '502 5.5.1 not here'],
  ['says that BDAT is not for now', '503 5.5.1 bad sequence'],
  ['wants DATA to go on', { kind: 'drop', reply: '500 5.5.1 what?' }],
] as const) {
  test(`a peer that ${what} gets the mail at once by DATA, and is not asked for BDAT again`, async () => {
    const { sink, send } = await toSink({ script: stage => (stage === 'bdat' ? answer : undefined) })
    assert.deepEqual(kinds(await send(JOB)), ['delivered'])
    assert.equal(sink.connections, 2)
    assert.deepEqual(kinds(await send(JOB)), ['delivered'])
    assert.equal(used(sink, 'BDAT').length, 1)
    assert.equal(sink.messages.length, 2)
  })
}

for (const [what, answer] of [
  ['falls silent at BDAT', { kind: 'silent' }],
  ['hangs up at BDAT', { kind: 'drop' }],
  ['asks for the message once more, as if BDAT were DATA', '354 go on'],
] as const) {
  test(`a peer that ${what} may have the mail: it waits, and goes by DATA the next time`, async () => {
    const { sink, send } = await toSink(
      { script: stage => (stage === 'bdat' ? answer : undefined) },
      { ...PATIENT, final_timeout: '100ms' },
    )
    const [outcome] = await send(JOB)
    assert.equal(outcome?.kind, 'deferred')
    assert.match(outcome.text, /did not say whether it took the message/)
    assert.equal(sink.connections, 1)
    assert.deepEqual(kinds(await send(JOB)), ['delivered'])
    assert.equal(used(sink, 'BDAT').length, 1)
  })
}

test('silence after the last octet is neither yes nor no, and no other host is asked', async () => {
  const { sink, send } = await toSink({ script: stage => (stage === 'end' ? { kind: 'drop' } : undefined) })
  const [outcome] = await send(JOB)
  assert.equal(outcome?.kind, 'deferred')
  assert.equal(sink.connections, 1)
})

for (const [what, script] of [
  [
    'after RCPT',
    (stage: string) => (stage === 'rcpt' ? ({ kind: 'raw', bytes: '250 ok\r\n250 ok\r\n' } as const) : undefined),
  ],
  [
    'before the greeting is over',
    (stage: string) =>
      stage === 'ehlo'
        ? ({ kind: 'raw', bytes: '250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n250 ok\r\n' } as const)
        : undefined,
  ],
] as const) {
  test(`a surplus "250" ${what} is never taken for the answer to BDAT`, async () => {
    const { sink, send } = await toSink({ script })
    assert.deepEqual(kinds(await send(JOB)), ['deferred'])
    assert.deepEqual(used(sink, 'BDAT'), [])
  })
}
