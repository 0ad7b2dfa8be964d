/** A peer that says more, or something else, than it was asked: nothing it says is taken for the answer to something else. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { Job, Outcome } from '../../../core/api/index.js'
import type { SinkAnswer, Stage } from '../../harness/sink-script.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig, type Rig } from './rig.js'

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function toSink(
  script: SinkOptions['script'],
  keywords = ['PIPELINING', '8BITMIME'],
): Promise<{ sink: SmtpSink; rig: Rig }> {
  const sink = await new SmtpSink({ keywords, ...(script === undefined ? {} : { script }) }).start()
  open.push(() => sink.stop())
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '5s', tls: 'never' })
  open.push(rig.dispose)
  return { sink, rig }
}

const answers = (stage: Stage, answer: SinkAnswer) => (at: Stage) => (at === stage ? answer : undefined)
const raw = (bytes: string): SinkAnswer => ({ kind: 'raw', bytes })
const kinds = (outcomes: readonly Outcome[]) => outcomes.toSorted((a, b) => a.row - b.row).map(({ kind }) => kind)
const three = () => makeJob(['a@them.test', 'b@them.test', 'c@them.test'])

for (const keywords of [
  ['PIPELINING', '8BITMIME'],
  ['8BITMIME'],
  ['PIPELINING', '8BITMIME', 'CHUNKING'],
  ['8BITMIME', 'CHUNKING'],
]) {
  for (const surplus of ['250 2.1.5 ok', '550 5.1.1 nobody', '554 5.7.1 no', '354 go on', '503 5.5.1 what']) {
    test(`"${surplus}" in front of the answer to MAIL fails nobody and delivers nothing (${keywords.join(' ')})`, async () => {
      // The second recipient is refused: off by one, somebody else would be.
      const { sink, rig } = await toSink((stage, argument) => {
        if (stage === 'mail') return raw(`${surplus}\r\n250 2.1.0 ok\r\n`)
        return stage === 'rcpt' && argument.includes('<b@')
          ? '550 5.1.1 nobody'
          : stage === 'rcpt'
            ? '250 2.1.5 ok'
            : undefined
      }, keywords)
      assert.deepEqual(kinds(await rig.deliver(three())), ['deferred', 'deferred', 'deferred'])
      assert.equal(sink.messages.length, 0)
    })
  }
}

test('a refusal of the message counts when the peer is in step, and the session goes on', async () => {
  let refusals = 1
  const { sink, rig } = await toSink(stage =>
    stage === 'data' && refusals-- > 0 ? '554 5.7.1 not from you' : undefined,
  )
  assert.deepEqual(kinds(await rig.deliver(three())), ['failed', 'failed', 'failed'])
  assert.deepEqual(kinds(await rig.deliver(three())), ['delivered', 'delivered', 'delivered'])
  assert.equal(sink.connections, 1)
})

for (const [what, answer] of [
  ['hangs up', { kind: 'drop', reply: '554 5.7.1 not from you' }],
  ['closes the channel', { kind: 'drop', reply: '554 5.7.1 not from you\r\n421 4.7.0 bye' }],
] as const) {
  test(`a refusal of the message counts when the peer ${what} after it`, async () => {
    const { rig } = await toSink(answers('data', answer))
    assert.deepEqual(kinds(await rig.deliver(three())), ['failed', 'failed', 'failed'])
  })
}

test('503 to MAIL, RCPT or DATA is a matter of order and fails nobody', async () => {
  for (const stage of ['mail', 'rcpt', 'data'] as const) {
    const { rig } = await toSink(answers(stage, '503 5.5.1 nested MAIL command'))
    assert.deepEqual(kinds(await rig.deliver(three())), ['deferred', 'deferred', 'deferred'], stage)
  }
})

test('503 with a policy behind it is a refusal', async () => {
  const { rig } = await toSink(answers('mail', '503 5.7.1 not from you'))
  assert.deepEqual(kinds(await rig.deliver(three())), ['failed', 'failed', 'failed'])
})

test('RSET that is not answered as RSET ends the session, and the next mail goes over another', async () => {
  let resets = 1
  const { sink, rig } = await toSink((stage, argument) => {
    if (stage === 'rcpt' && argument.includes('<no@')) return '550 5.1.1 nobody'
    return stage === 'rset' && resets-- > 0 ? '354 go on' : undefined
  })
  assert.deepEqual(kinds(await rig.deliver(makeJob(['no@them.test']))), ['failed'])
  assert.deepEqual(kinds(await rig.deliver(three())), ['delivered', 'delivered', 'delivered'])
  assert.equal(sink.connections, 2)
})

test('after 421 in answer to the message the session is not used again', async () => {
  let once = 1
  const { sink, rig } = await toSink(stage => (stage === 'end' && once-- > 0 ? '421 4.3.2 going down' : undefined))
  assert.deepEqual(kinds(await rig.deliver(three())), ['deferred', 'deferred', 'deferred'])
  assert.deepEqual(kinds(await rig.deliver(three())), ['delivered', 'delivered', 'delivered'])
  assert.deepEqual(
    sink.messages.map(({ connection }) => connection),
    [2],
  )
})

test('a second answer to the message, however late, is not the answer to the next mail', async () => {
  let tell: () => void = () => undefined
  const told = new Promise<void>(resolve => {
    tell = resolve
  })
  const jobs: Job[] = [three(), three()]
  let count = 0
  const { sink, rig } = await toSink(stage => {
    if (stage !== 'end' || count++ > 0) return undefined
    return { kind: 'also', later: told, reply: '554 5.7.1 after all not' }
  })
  assert.deepEqual(kinds(await rig.deliver(jobs[0]!)), ['delivered', 'delivered', 'delivered'])
  // While nobody uses it: the session is given up.
  tell()
  await sink.closed(1)
  assert.deepEqual(kinds(await rig.deliver(jobs[1]!)), ['delivered', 'delivered', 'delivered'])
  assert.deepEqual(
    sink.messages.map(({ connection }) => connection),
    [1, 2],
  )
})
