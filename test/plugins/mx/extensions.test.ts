/** What the mx target says to peers of the extensions a message asked for, and what becomes of it where a peer has none of them. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { Job, Outcome } from '../../../core/api/index.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig } from './rig.js'

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function sent(
  job: Job,
  options: SinkOptions,
  config: Parameters<typeof makeRig>[0] = {},
): Promise<{ outcomes: readonly Outcome[]; sink: SmtpSink }> {
  const sink = await new SmtpSink(options).start()
  open.push(() => sink.stop())
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` }, ...config })
  open.push(rig.dispose)
  return { outcomes: await rig.deliver(job), sink }
}

const BINARY = Buffer.from('A: b\r\nContent-Transfer-Encoding: binary\r\n\r\n\n\r\0.\r\n.\r\n..\r', 'latin1')
const CHUNKING = ['8BITMIME', 'CHUNKING', 'BINARYMIME']

for (const keywords of [['PIPELINING', ...CHUNKING], CHUNKING]) {
  test(`a binary message goes by BDAT, octet for octet, to a peer with ${keywords.join(' ')}`, async () => {
    const job = makeJob(['b@them.test', 'c@them.test'], { body: 'BINARYMIME', bytes: BINARY, chunkBytes: 7 })
    const { outcomes, sink } = await sent(job, { keywords })
    assert.deepEqual(
      outcomes.map(one => one.kind),
      ['delivered', 'delivered'],
    )
    assert.ok(sink.messages[0]?.data.equals(BINARY))
    assert.match(sink.messages[0]?.mailArgument ?? '', / BODY=BINARYMIME$/)
  })

  test(`no chunk is sent when nobody is taken by a peer with ${keywords.join(' ')}`, async () => {
    const job = makeJob(['b@them.test'], { body: 'BINARYMIME', bytes: BINARY })
    const script: SinkOptions['script'] = stage => (stage === 'rcpt' ? '550 5.1.1 nobody' : undefined)
    const { outcomes, sink } = await sent(job, { keywords, script })
    assert.equal(outcomes[0]?.kind, 'failed')
    assert.equal(
      sink.commands.some(line => line.includes('BDAT')),
      false,
    )
  })
}

test('a binary message fails with 5.6.3 where BINARYMIME is not offered', async () => {
  const job = makeJob(['b@them.test'], { body: 'BINARYMIME', bytes: BINARY })
  const { outcomes } = await sent(job, { keywords: ['PIPELINING', '8BITMIME', 'CHUNKING'] })
  const [outcome] = outcomes
  assert.ok(outcome?.kind === 'failed')
  assert.equal(outcome.status, '5.6.3')
})

test('a binary message that is shorter than announced is never ended', async () => {
  const job = { ...makeJob(['b@them.test'], { body: 'BINARYMIME', bytes: BINARY }), size: BINARY.length + 1 }
  const { outcomes, sink } = await sent(job, { keywords: CHUNKING })
  assert.equal(outcomes[0]?.kind, 'deferred')
  assert.equal(sink.messages.length, 0)
})

test('a peer with DSN is told what the sender wants to hear, and reports itself', async () => {
  const plain = makeJob(['b@them.test', 'c@them.test', 'd@them.test'])
  const wishes = [
    { notify: ['success', 'failure'], orcpt: 'rfc822;B+40us.test' },
    { notify: ['never'] },
    { notify: [] },
  ] as const
  const recipients = plain.recipients.map((one, i) => ({ ...one, dsn: wishes[i]! }))
  const job = { ...plain, recipients, ret: 'HDRS' as const, envid: 'QQ+2B1' }
  const { outcomes, sink } = await sent(job, { keywords: ['PIPELINING', '8BITMIME', 'DSN'] })
  assert.ok(outcomes.every(one => one.kind === 'delivered' && one.reports === true))
  assert.match(sink.messages[0]?.mailArgument ?? '', / RET=HDRS ENVID=QQ\+2B1$/)
  assert.deepEqual(
    sink.commands.filter(line => line.includes('RCPT')),
    [
      '1 RCPT TO:<b@them.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;B+40us.test',
      '1 RCPT TO:<c@them.test> NOTIFY=NEVER',
      '1 RCPT TO:<d@them.test>',
    ],
  )
  const without = await sent(job, { keywords: ['PIPELINING', '8BITMIME'] })
  assert.ok(without.outcomes.every(one => one.kind === 'delivered' && one.reports === undefined))
  assert.doesNotMatch(without.sink.commands.join('\n'), /RET=|ENVID=|NOTIFY=|ORCPT=/)
})
