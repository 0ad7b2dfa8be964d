/** What the mx target says to peers of the extensions a message asked for, and what becomes of it where a peer has none of them. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job, Outcome } from '../../../core/api/index.js'
import { selfSigned } from '../../../core/net/certificate.js'
import { startDnsServer } from '../../harness/dns-server.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig } from './rig.js'

const [RIGHT, WRONG, LOCALHOST] = ['127.0.0.1', 'other.test', 'mail.test'].map(name => {
  const { certificate: cert, key } = selfSigned({ names: [name], now: Date.now() })
  return { cert, key }
}) as [PemFiles, PemFiles, PemFiles]

interface PemFiles {
  readonly cert: string
  readonly key: string
}

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

for (const keywords of [['PIPELINING', '8BITMIME', 'CHUNKING'], ['PIPELINING'], []]) {
  test(`a binary message is converted for a peer with ${keywords.join(' ') || 'nothing'}`, async () => {
    const job = makeJob(['b@them.test'], { body: 'BINARYMIME', bytes: BINARY })
    const { outcomes, sink } = await sent(job, { keywords: [...keywords, 'SIZE'] })
    assert.equal(outcomes[0]?.kind, 'delivered', JSON.stringify(outcomes))
    const { data, mailArgument } = sink.messages[0]!
    const text = data.toString('latin1')
    assert.match(text, /^A: b\r\nContent-Transfer-Encoding: base64\r\n(?:.+\r\n)*\r\n[A-Za-z0-9+/=]+\r\n$/)
    const body = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'base64')
    assert.deepEqual(body, BINARY.subarray(BINARY.indexOf('\r\n\r\n') + 4))
    assert.equal(mailArgument, `<a@us.test> SIZE=${data.length}`)
  })
}

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

async function overTls(job: Job, options: SinkOptions, tls = RIGHT, trusting = true) {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
  open.push(() => rm(dir, { recursive: true, force: true }))
  const ca = join(dir, 'ca.pem')
  await writeFile(ca, tls.cert)
  const sink = await new SmtpSink({ tls, ...options }).start()
  open.push(() => sink.stop())
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` }, ...(trusting ? { ca } : {}) })
  open.push(rig.dispose)
  return { outcomes: await rig.deliver(job), sink }
}

const SECRET = { ...makeJob(['b@them.test']), requireTls: true }
const REQUIRETLS = ['PIPELINING', '8BITMIME', 'REQUIRETLS']

test('a message that asks for TLS all the way goes to a proven host that promises the same', async () => {
  const { outcomes, sink } = await overTls(SECRET, { keywords: REQUIRETLS })
  assert.equal(outcomes[0]?.kind, 'delivered', JSON.stringify(outcomes))
  assert.equal(sink.messages[0]?.tls, true)
  assert.match(sink.messages[0]?.mailArgument ?? '', / REQUIRETLS$/)
})

for (const [what, status, options, tls, trusting] of [
  ['does not promise the same', '5.7.30', { keywords: ['PIPELINING'] }, RIGHT, true],
  ['has a certificate for another name', '5.7.10', { keywords: REQUIRETLS }, WRONG, true],
  ['has a certificate nobody vouches for', '5.7.10', { keywords: REQUIRETLS }, RIGHT, false],
  [
    'refuses STARTTLS',
    '5.7.10',
    { keywords: REQUIRETLS, script: (stage: string) => (stage === 'starttls' ? '454 4.7.0 not now' : undefined) },
    RIGHT,
    true,
  ],
] as const) {
  test(`a message that asks for TLS all the way fails with ${status} when the host ${what}`, async () => {
    const { outcomes, sink } = await overTls(SECRET, options, tls, trusting)
    const [outcome] = outcomes
    assert.ok(outcome?.kind === 'failed', JSON.stringify(outcomes))
    assert.equal(outcome.status, status)
    assert.equal(sink.messages.length, 0)
  })
}

test('a message that asks for TLS all the way fails with 5.7.10 at a host without TLS', async () => {
  const { outcomes, sink } = await sent(SECRET, { keywords: REQUIRETLS })
  assert.ok(outcomes[0]?.kind === 'failed' && outcomes[0].status === '5.7.10', JSON.stringify(outcomes))
  assert.equal(sink.messages.length, 0)
})

const NOTICE = { ...SECRET, sender: null }

test('a notification about such a message goes on in any case', async () => {
  const { outcomes } = await sent(NOTICE, { keywords: ['PIPELINING'] })
  assert.equal(outcomes[0]?.kind, 'delivered')
})

test('a notification about such a message asks for the same where the host is proven', async () => {
  const { outcomes, sink } = await overTls(NOTICE, { keywords: REQUIRETLS })
  assert.equal(outcomes[0]?.kind, 'delivered')
  assert.match(sink.messages[0]?.mailArgument ?? '', / REQUIRETLS$/)
})

test('a notification about such a message asks for nothing where the host is not proven', async () => {
  const { outcomes, sink } = await overTls(NOTICE, { keywords: REQUIRETLS }, WRONG)
  assert.equal(outcomes[0]?.kind, 'delivered')
  assert.equal(sink.messages[0]?.tls, true)
  assert.doesNotMatch(sink.messages[0]?.mailArgument ?? '', /REQUIRETLS/)
})

test('a notification that is put off by a proven host waits, and is not sent in clear', async () => {
  const script: SinkOptions['script'] = stage => (stage === 'rcpt' ? '450 4.2.0 later' : undefined)
  const { outcomes, sink } = await overTls(NOTICE, { keywords: REQUIRETLS, script })
  assert.equal(outcomes[0]?.kind, 'deferred')
  assert.equal(sink.connections, 1)
})

test('a notification goes to hosts found by MX as any mail does', async () => {
  const sink = await new SmtpSink().start()
  open.push(() => sink.stop())
  const dns = await startDnsServer({ 'them.test': { mx: [[10, 'localhost']] } })
  open.push(() => dns.close())
  const rig = await makeRig({ port: sink.port }, [dns.address])
  open.push(rig.dispose)
  assert.equal((await rig.deliver(NOTICE))[0]?.kind, 'delivered')
})

test('a host that does not promise TLS all the way is followed by the next one', async () => {
  const sink = await new SmtpSink({ tls: LOCALHOST, keywords: ['PIPELINING'] }).start()
  open.push(() => sink.stop())
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
  open.push(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'ca.pem'), LOCALHOST.cert)
  const dns = await startDnsServer({ 'mail.test': { a: ['127.0.0.1', '127.0.0.1'] } })
  open.push(() => dns.close())
  const rig = await makeRig({ routes: { '*': `mail.test:${sink.port}` }, ca: join(dir, 'ca.pem') }, [dns.address])
  open.push(rig.dispose)
  const [outcome] = await rig.deliver(SECRET)
  assert.ok(outcome?.kind === 'failed' && outcome.status === '5.7.30', JSON.stringify(outcome))
  assert.equal(sink.connections, 2)
})

test('hosts found by MX are not believed to be the right ones', async () => {
  const dns = await startDnsServer({ 'them.test': { mx: [[10, 'localhost']] } })
  open.push(() => dns.close())
  const rig = await makeRig({}, [dns.address])
  open.push(rig.dispose)
  const [outcome] = await rig.deliver(SECRET)
  assert.ok(outcome?.kind === 'failed' && outcome.status === '5.7.30', JSON.stringify(outcome))
})

const PLAIN = makeJob(['b@them.test'])
const inAMinute = () => Date.now() + 60_500

test('a time limit is passed on as what is left of it, a priority as it is', async () => {
  const deliverBy = { at: inAMinute(), mode: 'return', trace: true } as const
  const { outcomes, sink } = await sent(
    { ...PLAIN, deliverBy, priority: -3 },
    { keywords: ['DELIVERBY 5', 'MT-PRIORITY'] },
  )
  assert.ok(outcomes[0]?.kind === 'delivered' && outcomes[0].timed === true)
  assert.match(sink.messages[0]?.mailArgument ?? '', / BY=60;RT MT-PRIORITY=-3$/)
})

test('a time limit and a priority are not spoken of where they are not known', async () => {
  const deliverBy = { at: inAMinute(), mode: 'notify', trace: false } as const
  const { outcomes, sink } = await sent({ ...PLAIN, deliverBy, priority: 3 }, { keywords: [] })
  assert.ok(outcomes[0]?.kind === 'delivered' && outcomes[0].timed === undefined)
  assert.doesNotMatch(sink.messages[0]?.mailArgument ?? '', /BY=|PRIORITY/)
})

for (const [keywords, status] of [
  [[], '5.3.3'],
  [['DELIVERBY 120'], '5.4.7'],
  [['DELIVERBY 120,more'], '5.4.7'],
] as const) {
  test(`what is to come back after a minute fails with ${status} at a peer with ${keywords[0] ?? 'nothing'}`, async () => {
    const deliverBy = { at: inAMinute(), mode: 'return', trace: false } as const
    const { outcomes } = await sent({ ...PLAIN, deliverBy }, { keywords })
    assert.ok(outcomes[0]?.kind === 'failed' && outcomes[0].status === status, JSON.stringify(outcomes))
  })
}

for (const [notify, keywords, said] of [
  [[], ['DSN'], ' NOTIFY=FAILURE,DELAY'],
  [['success'], ['DSN'], ' NOTIFY=SUCCESS,DELAY'],
  [['failure', 'delay'], ['DSN'], ' NOTIFY=FAILURE,DELAY'],
  [['never'], ['DSN'], ' NOTIFY=NEVER'],
  [[], ['DSN', 'DELIVERBY'], ''],
  [[], [], ''],
] as const) {
  test(`a time limit with NOTIFY=${notify.join() || '(none)'} goes to a peer with ${keywords.join() || 'nothing'} as "${said}"`, async () => {
    const deliverBy = { at: inAMinute(), mode: 'notify', trace: false } as const
    const recipients = PLAIN.recipients.map(one => ({ ...one, dsn: { notify } }))
    const { sink } = await sent({ ...PLAIN, recipients, deliverBy }, { keywords })
    assert.ok(sink.commands.includes(`1 RCPT TO:<b@them.test>${said}`), sink.commands.join('\n'))
  })
}

for (const [keywords, orcpt] of [
  [['DSN'], 'utf-8;j\\x{FC}rgen@them.test'],
  [['DSN', 'SMTPUTF8'], 'utf-8;jürgen@them.test'],
] as const) {
  test(`an original recipient in UTF-8 is told a peer with ${keywords.join()} as ${orcpt}`, async () => {
    const dsn = { notify: [], orcpt: 'utf-8;jürgen@them.test' }
    const recipients = PLAIN.recipients.map(one => ({ ...one, dsn }))
    const { sink } = await sent({ ...PLAIN, recipients }, { keywords })
    assert.ok(sink.commands.includes(`1 RCPT TO:<b@them.test> ORCPT=${orcpt}`), sink.commands.join('\n'))
  })
}

test('RCPTMAX of a peer is kept: more recipients go in further transactions of the session', async () => {
  const job = makeJob(['a@them.test', 'b@them.test', 'c@them.test'])
  const { outcomes, sink } = await sent(job, { keywords: ['PIPELINING', 'LIMITS MAILMAX=10 RCPTMAX=2'] })
  assert.ok(outcomes.every(one => one.kind === 'delivered') && outcomes.length === 3)
  assert.deepEqual(
    sink.messages.map(one => one.recipients.length),
    [2, 1],
  )
  assert.equal(sink.connections, 1)
})

test('a peer that has every octet of a binary message and answers at once has taken it', async () => {
  const bytes = Buffer.alloc(65_536, 'x')
  const job: Job = {
    ...makeJob(['b@them.test'], { body: 'BINARYMIME', bytes }),
    async *chunks() {
      yield bytes
      // the store takes its time to find that there is no more
      await sleep(100)
    },
  }
  const { outcomes, sink } = await sent(job, { keywords: CHUNKING })
  assert.equal(outcomes[0]?.kind, 'delivered', JSON.stringify(outcomes))
  assert.equal(sink.messages.length, 1)
})

test('MAILMAX of a peer is kept: the next message goes over another connection', async () => {
  const sink = await new SmtpSink({ keywords: ['PIPELINING', 'LIMITS MAILMAX=2'] }).start()
  open.push(() => sink.stop())
  const rig = await makeRig({ routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '5s' })
  open.push(rig.dispose)
  for (const _ of [1, 2, 3]) assert.equal((await rig.deliver(PLAIN))[0]?.kind, 'delivered')
  assert.deepEqual(
    sink.messages.map(one => one.connection),
    [1, 1, 2],
  )
})

for (const [what, text, needs] of [
  [
    'a part',
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; name="ü"\r\n\r\nx\r\n--b--\r\n',
    true,
  ],
  ['the message', 'Subject: ü\r\n\r\nx\r\n', true],
  ['nobody', 'Subject: u\r\n\r\nü\r\n', false],
] as const) {
  test(`a message sent with SMTPUTF8 in which ${what} has a field that is not ASCII ${needs ? 'needs' : 'does not need'} it`, async () => {
    const job = makeJob(['b@them.test'], { bytes: Buffer.from(text), utf8: true })
    const { sink } = await sent(job, { keywords: ['8BITMIME', 'SMTPUTF8'] })
    assert.equal(/ SMTPUTF8$/.test(sink.messages[0]?.mailArgument ?? ''), needs)
    const { outcomes } = await sent(job, { keywords: ['8BITMIME'] })
    assert.equal(outcomes[0]?.kind, needs ? 'failed' : 'delivered')
  })
}

for (const keywords of [['PIPELINING'], ['SMTPUTF8'], ['8BITMIME', 'SMTPUTF8', 'CHUNKING']]) {
  test(`international domains alone need no SMTPUTF8: a peer with ${keywords.join(' ')} gets them as DNS has them`, async () => {
    const job = makeJob(['b@bücher.test', '"odd b"@BÜCHER.test'], { sender: 'a@müller.test' })
    const { outcomes, sink } = await sent(job, { keywords })
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['delivered', 'delivered'],
    )
    assert.deepEqual(sink.messages[0]?.recipients, ['b@xn--bcher-kva.test', '"odd b"@xn--bcher-kva.test'])
    assert.match(sink.messages[0]?.mailArgument ?? '', /^<a@xn--mller-kva\.test>(?!.*SMTPUTF8)/)
  })
}

test('where SMTPUTF8 is needed all the same, domains stay as they were written', async () => {
  const job = makeJob(['jürgen@bücher.test'], { sender: 'a@müller.test', utf8: true })
  const { sink } = await sent(job, { keywords: ['8BITMIME', 'SMTPUTF8'] })
  assert.deepEqual(sink.messages[0]?.recipients, ['jürgen@bücher.test'])
  assert.match(sink.messages[0]?.mailArgument ?? '', /^<a@müller\.test>.* SMTPUTF8$/)
})
