/**
 * Replies of every shape at every stage, and servers that mean harm: what becomes of the mail, and that neither time nor memory runs away.
 * 5xx is a failure wherever it is said and however it is written; whatever is unclear is put off.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Outcome } from '../../../core/api/index.js'
import { heldMemory } from '../../harness/memory.js'
import type { SinkAnswer, Stage } from '../../harness/sink-script.js'
import { SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig } from './rig.js'

/** Short where waiting is the point, or a busy machine would be taken for a slow server. */
const limits = (value: string) =>
  Object.fromEntries(['greeting', 'command', 'data', 'block', 'final'].map(name => [`${name}_timeout`, value]))

interface Meeting {
  readonly script: (stage: Stage) => SinkAnswer
  readonly keywords: readonly string[]
  readonly wait: string
}

/** Gives the outcome of one mail there, as often as wanted. */
async function meet(t: Pick<TestContext, 'after'>, { script, keywords, wait }: Meeting) {
  const sink = await new SmtpSink({ keywords, script }).start()
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` }, ...limits(wait) })
  t.after(async () => {
    rig.dispose()
    await sink.stop()
  })
  return { sink, deliver: async () => (await rig.deliver(makeJob(['b@them.test'])))[0]! }
}

const bytes = (text: string | Buffer): SinkAnswer => ({ kind: 'raw', bytes: text })
const STAGES: readonly Stage[] = ['connect', 'ehlo', 'mail', 'rcpt', 'data', 'end']

/** What is said, the outcome, its status, and how its text begins or what it holds. */
const SHAPES: readonly (readonly [
  what: string,
  answer: SinkAnswer,
  kind: Outcome['kind'],
  status: string,
  text?: RegExp,
])[] = [
  ['a refusal', bytes('550 5.7.26 not authenticated\r\n'), 'failed', '5.7.26', /550 5\.7\.26 not authenticated/],
  ['a refusal of three digits', bytes('550\r\n'), 'failed', '5.0.0'],
  ['a refusal without text', bytes('550 \r\n'), 'failed', '5.0.0'],
  ['a refusal without a space', bytes('550No such user\r\n'), 'failed', '5.0.0', /550 No such user/],
  ['a refusal that ends with a bare LF', bytes('550 5.1.1 nobody\n'), 'failed', '5.1.1'],
  [
    'a refusal of several lines',
    bytes('550-5.7.26 a\r\n550-5.7.26 b\r\n550 5.7.26 c\r\n'),
    'failed',
    '5.7.26',
    /a b c/,
  ],
  ['a refusal with a status of another class', bytes('550 4.7.1 hm\r\n'), 'failed', '5.0.0'],
  ['a refusal in UTF-8', bytes('550 5.1.1 kein Empfänger 日本\r\n'), 'failed', '5.1.1', /Empfänger 日本/],
  [
    'a refusal with NUL, escapes and no UTF-8',
    bytes(Buffer.from('550 5.1.1 a\0b\x1b[2J\xff\xfe\r\n', 'latin1')),
    'failed',
    '5.1.1',
    /550 5\.1\.1 a\?b\?\[2J/,
  ],
  ['a refusal of 4,000 letters', bytes(`550 5.1.1 ${'x'.repeat(4000)}\r\n`), 'failed', '5.1.1', /^.{0,1200}$/],
  ['a 450', bytes('450 4.2.0 greylisted\r\n'), 'deferred', '4.2.0'],
  ['a 451 with 5.x.x', bytes('451 5.7.1 hm\r\n'), 'deferred', '4.0.0'],
  ['a 421 and the end', { kind: 'drop', reply: '421 4.3.2 going down' }, 'deferred', '4.3.2'],
  ['two things at once', bytes('250-2.0.0 yes\r\n550 5.1.1 no\r\n'), 'deferred', '4.5.0'],
  ['no reply at all', bytes('HTTP/1.1 400 Bad Request\r\n'), 'deferred', '4.5.0'],
  ['a code of four digits', bytes('5500 no\r\n'), 'deferred', '4.5.0'],
  ['a code of the sixth hundred', bytes('650 no\r\n'), 'deferred', '4.5.0'],
  ['an empty line', bytes('\r\n'), 'deferred', '4.5.0'],
  ['NULs', bytes('\0\0\0\0\r\n'), 'deferred', '4.5.0'],
  ['half a reply', bytes('550-5.1.1 wait for it\r\n'), 'deferred', '4.4.2 4.5.0'],
  ['half a line', bytes('55'), 'deferred', '4.4.2 4.5.0'],
  ['nothing', { kind: 'silent' }, 'deferred', '4.4.2'],
  ['the end', { kind: 'drop' }, 'deferred', '4.4.2'],
  ['an octet now and then', { kind: 'endless', bytes: '2', everyMs: 10 }, 'deferred', '4.4.2'],
  [
    'a line now and then that is not the last',
    { kind: 'endless', bytes: '550-wait\r\n', everyMs: 10 },
    'deferred',
    '4.4.2',
  ],
  ['a reply without an end', { kind: 'flood', bytes: '550-and so on\r\n' }, 'deferred', '4.5.0'],
  ['a line without an end', { kind: 'flood', bytes: '550 x' }, 'deferred', '4.5.0'],
  ['empty lines without an end', { kind: 'flood', bytes: '\r\n' }, 'deferred', '4.5.0'],
]

describe('what a server may say', { concurrency: 6 }, () => {
  for (const keywords of [
    ['PIPELINING', '8BITMIME'],
    ['8BITMIME', 'CHUNKING'],
  ]) {
    for (const stage of STAGES) {
      // There is no DATA where there is BDAT.
      if (stage === 'data' && keywords.includes('CHUNKING')) continue
      for (const [what, answer, kind, statuses, text = /./] of SHAPES) {
        test(`${what} at ${stage} (${keywords.join(' ')}): ${kind} with ${statuses}`, async t => {
          const script = (at: Stage) => (at === stage ? answer : undefined)
          const wait = statuses.startsWith('4.4.2') ? '150ms' : '60s'
          const { sink, deliver } = await meet(t, { script, keywords, wait })
          const outcome = await deliver()
          assert.equal(outcome.kind, kind, JSON.stringify(outcome))
          assert.ok('status' in outcome && statuses.split(' ').includes(outcome.status), JSON.stringify(outcome))
          assert.match(outcome.text, text)
          assert.equal(sink.messages.length, 0)
          // What the kernel holds of a connection, and not what a server likes to send.
          assert.ok(sink.flooded < 30_000_000, `${sink.flooded} octets were taken`)
        })
      }
    }
  }

  for (const [stage, keywords, kind] of [
    ['connect', ['PIPELINING'], 'failed'],
    ['mail', [], 'failed'],
    ['end', ['PIPELINING'], 'failed'],
    // The second line may be the answer to the next command.
    ['mail', ['PIPELINING'], 'deferred'],
    ['rcpt', ['PIPELINING'], 'deferred'],
  ] as const) {
    test(`a refusal that changes its code at ${stage} (${keywords.join()}): ${kind}`, async t => {
      const script = (at: Stage) => (at === stage ? bytes('550-5.1.1 a\r\n554 5.1.1 b\r\n') : undefined)
      const { deliver } = await meet(t, { script, keywords, wait: '60s' })
      assert.equal((await deliver()).kind, kind)
    })
  }
})

for (const flood of ['220-welcome\r\n', '220 x', '250 2.0.0 ok\r\n']) {
  test(`a hundred floods of ${JSON.stringify(flood)} leave nothing behind`, async t => {
    const { deliver } = await meet(t, { script: () => ({ kind: 'flood', bytes: flood }), keywords: [], wait: '60s' })
    await deliver()
    const before = await heldMemory()
    for (let n = 0; n < 100; n++) assert.equal((await deliver()).kind, 'deferred')
    const held = (await heldMemory()) - before
    assert.ok(held < 8_000_000, `${held} octets more than before`)
  })
}
