/** 8-bit mail for peers without 8BITMIME (RFC 6152 §3): converted, and what is announced is what goes out. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import type { Job } from '../../../core/api/index.js'
import { startDnsServer } from '../../harness/dns-server.js'
import { SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig } from './rig.js'

const EIGHT = Buffer.from('MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ncafé au lait\r\n')
const SEVEN =
  'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9 au lait\r\n'
const SIGNED = Buffer.from(
  'Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\ncafé\r\n--b\r\n\r\nsignature\r\n--b--\r\n',
)

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function sent(job: Job, keywords: readonly string[], config: Parameters<typeof makeRig>[0] = {}) {
  const sink = await new SmtpSink({ keywords }).start()
  open.push(() => sink.stop())
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` }, ...config })
  open.push(rig.dispose)
  const [outcome] = await rig.deliver(job)
  return { outcome, sink }
}

for (const keywords of [['PIPELINING', 'SIZE'], ['PIPELINING', 'CHUNKING', 'SIZE'], ['SIZE']]) {
  for (const body of ['7BIT', '8BITMIME'] as const) {
    test(`mail called ${body} with octets above 127 is converted for a peer with ${keywords.join(' ')}`, async () => {
      const { outcome, sink } = await sent(makeJob(['b@them.test'], { bytes: EIGHT, body }), keywords)
      assert.equal(outcome?.kind, 'delivered', JSON.stringify(outcome))
      assert.equal(sink.messages[0]!.data.toString(), SEVEN)
      assert.equal(sink.messages[0]!.mailArgument, `<a@us.test> SIZE=${SEVEN.length}`)
    })
  }
}

test('it goes as it is to a peer with 8BITMIME, and where conversion is turned off', async () => {
  for (const [keywords, config] of [
    [['8BITMIME'], {}],
    [['PIPELINING'], { convert_8bit: false }],
  ] as const) {
    const { sink } = await sent(makeJob(['b@them.test'], { bytes: EIGHT }), keywords, config)
    assert.deepEqual(sink.messages[0]!.data, EIGHT)
  }
})

test('the limit of the peer is held against the converted size', async () => {
  const { outcome, sink } = await sent(makeJob(['b@them.test'], { bytes: EIGHT }), [`SIZE ${EIGHT.length + 10}`])
  assert.ok(outcome?.kind === 'failed' && outcome.status === '5.3.4', JSON.stringify(outcome))
  assert.match(outcome.text, new RegExp(`has ${SEVEN.length} octets`))
  assert.equal(sink.messages.length, 0)
})

test('what is signed and cannot be converted fails with 5.6.2, and says why', async () => {
  const { outcome } = await sent(makeJob(['b@them.test'], { bytes: SIGNED }), ['PIPELINING'])
  assert.ok(outcome?.kind === 'failed' && outcome.status === '5.6.2', JSON.stringify(outcome))
  assert.match(outcome.text, /signed or encrypted/)
})

test('what cannot be converted for one host goes to another that takes 8 bits', async () => {
  const dns = await startDnsServer({
    'them.test': {
      mx: [
        [10, 'old.test'],
        [20, 'new.test'],
      ],
    },
    'old.test': { a: ['127.0.0.2'] },
    'new.test': { a: ['127.0.0.3'] },
  })
  open.push(() => dns.close())
  const old = await new SmtpSink({ address: '127.0.0.2', keywords: [] }).start()
  const modern = await new SmtpSink({ address: '127.0.0.3', port: old.port, keywords: ['8BITMIME'] }).start()
  const rig = await makeRig({ port: old.port }, [dns.address])
  open.push(
    () => old.stop(),
    () => modern.stop(),
    rig.dispose,
  )
  const [outcome] = await rig.deliver(makeJob(['b@them.test'], { bytes: SIGNED }))
  assert.equal(outcome?.kind, 'delivered', JSON.stringify(outcome))
  assert.equal(old.connections, 1)
  assert.deepEqual(modern.messages[0]!.data, SIGNED)
})
