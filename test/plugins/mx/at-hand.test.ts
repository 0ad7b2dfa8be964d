/** Mail whose octets are in memory goes out as the same octets, by DATA and by BDAT, whole and not twice. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { Job } from '../../../core/api/index.js'
import { sumAtHand } from '../../../core/text/index.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { MESSAGE, makeJob, makeRig } from './rig.js'

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

const NO_CUTS = [] as const
const WAYS = { DATA: ['PIPELINING', '8BITMIME'], BDAT: ['PIPELINING', '8BITMIME', 'CHUNKING'], alone: [] } as const

function jobAtHand(prefix: string, body: Buffer): Job {
  const bytes = Buffer.concat([Buffer.from(prefix), body])
  const sum = { prefix: Buffer.from(prefix), bodySize: body.length, cuts: NO_CUTS }
  return { ...makeJob(['b@them.test'], { bytes }), chunks: () => sumAtHand(sum, body) }
}

async function toSink(options: SinkOptions) {
  const sink = await new SmtpSink(options).start()
  open.push(() => sink.stop())
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '60s' })
  open.push(rig.dispose)
  return { sink, rig }
}

const line = `${'x'.repeat(70)}\r\n`
const BODIES = {
  'with dots at line starts': MESSAGE,
  'of nothing': Buffer.alloc(0),
  'with a dot behind the prefix': Buffer.from('.one\r\n'),
  'of 50 KB': Buffer.from(`A: b\r\n\r\n${line.repeat(700)}`),
  'of 64 KB, and one octet that waits for its line': Buffer.from(`A: b\r\n\r\n${line.repeat(910)}\r`),
}

for (const [verb, keywords] of Object.entries(WAYS)) {
  describe(`to a peer that offers ${keywords.join(' ') || 'nothing'}`, () => {
    for (const [what, body] of Object.entries(BODIES)) {
      test(`a body ${what} arrives as it is, twice by one connection`, async () => {
        const { sink, rig } = await toSink({ keywords: [...keywords] })
        const job = jobAtHand('Received: by us\r\n', body)
        for (const _ of [1, 2])
          assert.deepEqual(
            (await rig.deliver(job)).map(({ kind }) => kind),
            ['delivered'],
          )
        assert.equal(sink.messages.length, 2)
        // An open last line is ended.
        const whole = Buffer.concat([Buffer.from('Received: by us\r\n'), body])
        const expected = body.at(-1) === 13 ? Buffer.concat([whole, Buffer.from('\n')]) : whole
        for (const { data } of sink.messages) assert.ok(data.equals(expected), `${verb}: other octets`)
      })
    }
  })
}

test('a refusal is told as for any other mail', async () => {
  const script: SinkOptions['script'] = stage => (stage === 'data' ? '552 5.3.4 too much' : undefined)
  const { rig } = await toSink({ keywords: ['PIPELINING'], script })
  assert.deepEqual(
    (await rig.deliver(jobAtHand('', MESSAGE))).map(({ kind }) => kind),
    ['failed'],
  )
})
