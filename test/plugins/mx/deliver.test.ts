/**
 * The mx target against a name server and mail servers on loopback: which host gets the mail, and what becomes of each recipient.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import type { Outcome } from '../../../core/api/index.js'
import { type DnsServer, startDnsServer } from '../../harness/dns-server.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { TEST_CERT, TEST_KEY } from '../../harness/test-cert.js'
import { MESSAGE, makeJob, makeRig, QUICK, type Rig } from './rig.js'

const TLS = { cert: TEST_CERT, key: TEST_KEY }

describe('delivery by MX', () => {
  let dns: DnsServer
  const open: (() => Promise<void> | void)[] = []
  let port = 0

  before(async () => {
    dns = await startDnsServer({
      'two.test': {
        mx: [
          [20, 'second.test'],
          [10, 'first.test'],
        ],
      },
      'first.test': { a: ['127.0.0.2'] },
      'second.test': { a: ['127.0.0.3'] },
      'direct.test': { a: ['127.0.0.2'] },
      'site1.test': { mx: [[10, 'first.test']] },
      'site2.test': { mx: [[20, 'first.test']] },
      'null.test': { mx: [[0, '']], a: ['127.0.0.2'] },
      'broken.test': { fails: 'servfail' },
      'halfbroken.test': { mx: [[10, 'trouble.test']] },
      'trouble.test': { fails: 'servfail' },
      'dangling.test': { mx: [[10, 'nohost.test']] },
      'self.test': {
        mx: [
          [10, 'us.test'],
          [20, 'second.test'],
        ],
      },
      'backup.test': {
        mx: [
          [5, 'first.test'],
          [10, 'us.test'],
          [20, 'second.test'],
        ],
      },
      'families.test': { mx: [[10, 'both.test']] },
      'both.test': { aaaa: ['::1'], a: ['127.0.0.2'] },
    })
    const probe = await new SmtpSink({ address: '127.0.0.2' }).start()
    port = probe.port
    await probe.stop()
  })
  after(() => dns.close())
  afterEach(async () => {
    for (const close of open.splice(0)) await close()
  })

  async function sink(options: SinkOptions = {}): Promise<SmtpSink> {
    const made = await new SmtpSink({ address: '127.0.0.2', port, ...options }).start()
    open.push(() => made.stop())
    return made
  }

  async function rig(config: Parameters<typeof makeRig>[0] = {}): Promise<Rig> {
    const made = await makeRig({ port, ...config }, [dns.address])
    open.push(made.dispose)
    return made
  }

  function only(outcomes: readonly Outcome[]): Outcome {
    assert.equal(outcomes.length, 1)
    return outcomes[0]!
  }

  function assertOutcome(outcome: Outcome, kind: Outcome['kind'], status: string): void {
    assert.equal(outcome.kind, kind, JSON.stringify(outcome))
    assert.equal('status' in outcome ? outcome.status : '', status, JSON.stringify(outcome))
  }

  test('the best mail host gets the mail, octet for octet', async () => {
    const first = await sink()
    const second = await sink({ address: '127.0.0.3' })
    const outcome = only(await (await rig()).deliver(makeJob(['b@two.test'])))
    assert.deepEqual(outcome, {
      kind: 'delivered',
      row: 0,
      remote: `first.test [127.0.0.2]:${port}`,
      reply: '250 2.0.0 taken',
      security: 'in clear, the host offers no TLS; two.test has no MTA-STS policy; DANE is not looked at here',
    })
    assert.equal(second.connections, 0)
    assert.ok(first.messages[0]?.data.equals(MESSAGE))
    assert.equal(first.messages[0]?.sender, 'a@us.test')
    assert.equal(first.messages[0]?.helo, 'us.test')
    assert.match(first.messages[0]?.mailArgument ?? '', new RegExp(`SIZE=${MESSAGE.length} BODY=8BITMIME$`))
  })

  test('when the best host is down the next one gets it', async () => {
    const second = await sink({ address: '127.0.0.3' })
    assert.equal(only(await (await rig()).deliver(makeJob(['b@two.test']))).kind, 'delivered')
    assert.equal(second.messages.length, 1)
  })

  for (const [what, script] of [
    ['greets with 421', (stage: string) => (stage === 'connect' ? '421 4.3.2 not now' : undefined)],
    ['greets with 554', (stage: string) => (stage === 'connect' ? '554 5.7.1 go away' : undefined)],
    ['refuses EHLO for now', (stage: string) => (stage === 'ehlo' ? '451 4.3.0 busy' : undefined)],
    ['puts the recipient off', (stage: string) => (stage === 'rcpt' ? '450 4.2.0 greylisted' : undefined)],
    [
      'sends garbage',
      (stage: string) => (stage === 'connect' ? ({ kind: 'raw', bytes: 'SSH-2.0-x\r\n' } as const) : undefined),
    ],
    ['closes at once', (stage: string) => (stage === 'connect' ? ({ kind: 'drop' } as const) : undefined)],
    ['says nothing', (stage: string) => (stage === 'connect' ? ({ kind: 'silent' } as const) : undefined)],
    ['drops at DATA', (stage: string) => (stage === 'data' ? ({ kind: 'drop' } as const) : undefined)],
    ['puts the message off', (stage: string) => (stage === 'end' ? '452 4.3.1 disk full' : undefined)],
  ] as const) {
    test(`when the best host ${what} the next one gets the mail, once`, async () => {
      const first = await sink({ script })
      const second = await sink({ address: '127.0.0.3' })
      const limits = what === 'says nothing' ? { greeting_timeout: '2s' } : {}
      assert.equal(only(await (await rig(limits)).deliver(makeJob(['b@two.test']))).kind, 'delivered')
      assert.equal(first.connections, 1)
      assert.equal(first.messages.length, 0)
      assert.equal(second.messages.length, 1)
    })
  }

  test('a domain without MX is its own mail host', async () => {
    const first = await sink()
    assert.equal(only(await (await rig()).deliver(makeJob(['b@direct.test']))).kind, 'delivered')
    assert.equal(first.messages.length, 1)
  })

  for (const [domain, kind, status] of [
    ['null.test', 'failed', '5.1.10'],
    ['nowhere.test', 'failed', '5.1.2'],
    ['dangling.test', 'failed', '5.4.4'],
    ['self.test', 'failed', '5.4.6'],
    ['us.test', 'failed', '5.4.6'],
    ['broken.test', 'deferred', '4.4.3'],
    ['halfbroken.test', 'deferred', '4.4.3'],
    ['two.test', 'deferred', '4.4.1'],
  ] as const) {
    test(`with nobody listening, mail for ${domain} is ${kind} with ${status}`, async () => {
      assertOutcome(only(await (await rig()).deliver(makeJob([`b@${domain}`]))), kind, status)
    })
  }

  test('being a backup ourselves, only hosts better than us are tried', async () => {
    const second = await sink({ address: '127.0.0.3' })
    assertOutcome(only(await (await rig()).deliver(makeJob(['b@backup.test']))), 'deferred', '4.4.1')
    assert.equal(second.connections, 0)
  })

  test('a host without IPv6 listener is reached by IPv4', async () => {
    const first = await sink()
    assert.equal(only(await (await rig()).deliver(makeJob(['b@families.test']))).kind, 'delivered')
    assert.equal(first.messages.length, 1)
  })

  test('hosts with private addresses are not connected to unless allowed', async () => {
    const first = await sink()
    const strict = await rig({ allow_private: false })
    assertOutcome(only(await strict.deliver(makeJob(['b@direct.test']))), 'failed', '5.4.4')
    assertOutcome(only(await strict.deliver(makeJob(['b@[127.0.0.2]']))), 'failed', '5.4.4')
    assert.equal(first.connections, 0)
    assert.equal(only(await (await rig()).deliver(makeJob(['b@[127.0.0.2]']))).kind, 'delivered')
  })

  test('a route may lead anywhere and needs no resolver', async () => {
    const first = await sink()
    const routed = await makeRig({
      allow_private: false,
      routes: { '.sub.test': '127.0.0.1:1', 'a.sub.test': `127.0.0.2:${port}`, '*': '127.0.0.1:1' },
    })
    assert.equal(only(await routed.deliver(makeJob(['b@a.sub.test']))).kind, 'delivered')
    assertOutcome(only(await routed.deliver(makeJob(['b@b.sub.test']))), 'deferred', '4.4.1')
    assert.equal(first.messages.length, 1)
  })

  test('as shipped nothing is looked up and the sender of the mail would learn what to set', async () => {
    const shipped = await makeRig({ allow_private: false })
    const outcome = only(await shipped.deliver(makeJob(['b@two.test'])))
    assertOutcome(outcome, 'deferred', '4.4.3')
    assert.match('text' in outcome ? outcome.text : '', /dns\.servers in server\.yaml/)
    const named = await makeRig({ routes: { '*': 'relay.example:25' } })
    const unresolved = only(await named.deliver(makeJob(['b@two.test'])))
    assertOutcome(unresolved, 'deferred', '4.4.4')
    assert.match('text' in unresolved ? unresolved.text : '', /dns\.servers/)
  })

  test('recipients get their own outcome', async () => {
    const first = await sink({
      script: (stage, argument) => {
        if (stage !== 'rcpt') return undefined
        if (argument.includes('<no@')) return '550 5.1.1 no such user'
        return argument.includes('<later@') ? '450 4.2.1 later' : undefined
      },
    })
    const job = makeJob(['b@direct.test', 'no@direct.test', 'later@direct.test', 'c@direct.test'])
    const outcomes = [...(await (await rig()).deliver(job))].sort((a, b) => a.row - b.row)
    assert.deepEqual(
      outcomes.map(outcome => outcome.kind),
      ['delivered', 'failed', 'deferred', 'delivered'],
    )
    assertOutcome(outcomes[1]!, 'failed', '5.1.1')
    assertOutcome(outcomes[2]!, 'deferred', '4.2.1')
    assert.deepEqual(first.messages[0]?.recipients, ['b@direct.test', 'c@direct.test'])
  })

  test('a server that takes two recipients at a time gets several transactions in one session', async () => {
    let inTransaction = 0
    const first = await sink({
      script: stage => {
        if (stage === 'mail') inTransaction = 0
        if (stage !== 'rcpt') return undefined
        inTransaction += 1
        return inTransaction > 2 ? '452 4.5.3 too many recipients' : undefined
      },
    })
    const outcomes = await (await rig()).deliver(
      makeJob(['a', 'b', 'c', 'd', 'e'].map(local => `${local}@direct.test`)),
    )
    assert.deepEqual(new Set(outcomes.map(outcome => outcome.kind)), new Set(['delivered']))
    assert.equal(first.connections, 1)
    assert.deepEqual(
      first.messages.map(message => message.recipients.length),
      [2, 2, 1],
    )
  })

  for (const keywords of [['PIPELINING', '8BITMIME'], ['8BITMIME']]) {
    for (const [stage, reply, kind, status] of [
      ['mail', '550 5.7.1 no', 'failed', '5.7.1'],
      ['mail', '451 no', 'deferred', '4.0.0'],
      ['rcpt', '550 5.1.1 who?', 'failed', '5.1.1'],
      ['rcpt', '421 4.7.0 bye', 'deferred', '4.7.0'],
      ['data', '554 5.6.0 no', 'failed', '5.6.0'],
      ['data', '250 what', 'deferred', '4.5.0'],
      ['end', '554 5.7.1 spam', 'failed', '5.7.1'],
      ['end', '451 4.7.1 maybe', 'deferred', '4.7.1'],
      ['end', '550-5.7.26 more\r\n550-5.7.26 lines\r\n550 5.7.26 here', 'failed', '5.7.26'],
      ['end', '550 4.7.1 classes differ', 'failed', '5.0.0'],
    ] as const) {
      test(`"${reply.split('\r')[0]}" at ${stage} (${keywords[0]}) makes the mail ${kind} with ${status}`, async () => {
        await sink({ keywords, script: at => (at === stage ? reply : undefined) })
        assertOutcome(only(await (await rig()).deliver(makeJob(['b@direct.test']))), kind, status)
      })
    }
  }

  test('every recipient refused in a pipelined group leaves the session in step', async () => {
    const first = await sink({
      script: (stage, argument) => (stage === 'rcpt' && argument.includes('<no@') ? '550 5.1.1 no' : undefined),
    })
    const made = await rig({ keep_idle: '5s' })
    assert.equal(only(await made.deliver(makeJob(['no@direct.test']))).kind, 'failed')
    assert.equal(only(await made.deliver(makeJob(['yes@direct.test']))).kind, 'delivered')
    assert.equal(first.connections, 1)
    assert.deepEqual(
      first.messages.map(message => message.recipients),
      [['yes@direct.test']],
    )
  })

  test('a 354 although everybody was refused gets an empty message and no delivery', async () => {
    await sink({
      script: stage =>
        stage === 'rcpt'
          ? '550 5.1.1 no'
          : stage === 'data'
            ? '354 go on'
            : stage === 'end'
              ? '554 5.5.1 none'
              : undefined,
    })
    assertOutcome(only(await (await rig()).deliver(makeJob(['b@direct.test']))), 'failed', '5.1.1')
  })

  test('a connection lost after the final dot defers and asks no other host', async () => {
    const first = await sink({ script: stage => (stage === 'end' ? { kind: 'drop' } : undefined) })
    const second = await sink({ address: '127.0.0.3' })
    const outcome = only(await (await rig()).deliver(makeJob(['b@two.test'])))
    assertOutcome(outcome, 'deferred', '4.4.2')
    assert.match('text' in outcome ? outcome.text : '', /did not say whether/)
    assert.equal(first.connections, 1)
    assert.equal(second.connections, 0)
  })

  test('a refusal in the middle of the message is heard', async () => {
    await sink({
      script: stage => (stage === 'data' ? { kind: 'drop', reply: '354 go on\r\n552 5.3.4 too much' } : undefined),
    })
    const big = Buffer.from(`Subject: big\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(40_000)}`)
    assertOutcome(only(await (await rig()).deliver(makeJob(['b@direct.test'], { bytes: big }))), 'failed', '5.3.4')
  })

  test('a server that is one reply ahead does not make us believe in a delivery', async () => {
    const first = await sink({
      script: stage =>
        stage === 'data' ? '354 go on\r\n250 2.0.0 taken' : stage === 'end' ? '451 4.3.0 no' : undefined,
    })
    const big = Buffer.from(`Subject: big\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(4000)}`)
    for (const bytes of [MESSAGE, big]) {
      assert.equal(only(await (await rig()).deliver(makeJob(['b@direct.test'], { bytes }))).kind, 'deferred')
    }
    assert.equal(first.messages.length, 0)
  })

  test('a server that sends replies without end does not hold us', async () => {
    await sink({
      script: stage => (stage === 'mail' ? { kind: 'endless', bytes: '250 ok\r\n'.repeat(50), everyMs: 1 } : undefined),
    })
    assert.equal(only(await (await rig()).deliver(makeJob(['b@direct.test']))).kind, 'deferred')
  })

  test('a message that cannot be read to its end is never ended with a dot', async () => {
    const first = await sink()
    const bytes = Buffer.alloc(10_000, 'a line\r\n')
    const outcome = only(
      await (await rig()).deliver(makeJob(['b@direct.test'], { bytes, chunkBytes: 1000, failAfter: 5000 })),
    )
    assertOutcome(outcome, 'deferred', '4.3.0')
    assert.equal(first.messages.length, 0)
  })

  for (const [what, script] of [
    [
      'an endless banner',
      (stage: string) =>
        stage === 'connect' ? ({ kind: 'endless', bytes: '220-more\r\n', everyMs: 1 } as const) : undefined,
    ],
    [
      'a trickling banner',
      (stage: string) =>
        stage === 'connect' ? ({ kind: 'endless', bytes: '220-x\r\n', everyMs: 60 } as const) : undefined,
    ],
    [
      'an endless line',
      (stage: string) =>
        stage === 'ehlo' ? ({ kind: 'endless', bytes: 'x'.repeat(1000), everyMs: 1 } as const) : undefined,
    ],
    ['no reply to RCPT', (stage: string) => (stage === 'rcpt' ? ({ kind: 'silent' } as const) : undefined)],
    ['no reply to the message', (stage: string) => (stage === 'end' ? ({ kind: 'silent' } as const) : undefined)],
  ] as const) {
    test(`a server with ${what} does not hold us`, async () => {
      await sink({ script })
      assert.equal(only(await (await rig(QUICK)).deliver(makeJob(['b@direct.test']))).kind, 'deferred')
    })
  }

  test('cancelling ends a delivery at once', async () => {
    await sink({ script: stage => (stage === 'rcpt' ? { kind: 'silent' } : undefined) })
    const slow = await rig({ command_timeout: '1m' })
    assert.equal(only(await slow.deliver(makeJob(['b@direct.test']), AbortSignal.timeout(50))).kind, 'deferred')
  })

  test('a self-signed certificate is good enough, and the outcome names the TLS version', async () => {
    const first = await sink({ tls: TLS })
    const outcome = only(await (await rig()).deliver(makeJob(['b@direct.test'])))
    assert.equal(outcome.kind === 'delivered' ? outcome.tls : '', 'TLSv1.3')
    assert.equal(first.messages[0]?.tls, true)
    assert.ok(first.messages[0]?.data.equals(MESSAGE))
  })

  const brokenTls: SinkOptions = {
    keywords: ['STARTTLS', 'PIPELINING'],
    script: stage => (stage === 'starttls' ? { kind: 'drop', reply: '220 2.0.0 go ahead' } : undefined),
  }

  test('after a failed handshake the mail goes in clear, and the log says so', async () => {
    const first = await sink(brokenTls)
    const made = await rig()
    const outcome = only(await made.deliver(makeJob(['b@direct.test'])))
    assert.equal(outcome.kind, 'delivered')
    assert.equal(outcome.kind === 'delivered' ? outcome.tls : '', undefined)
    assert.equal(first.messages[0]?.tls, false)
    assert.ok(made.logged.some(line => line.sentence === 'sending in clear after a TLS failure'))
  })

  test('a refused STARTTLS goes on in clear in the same session', async () => {
    const first = await sink({ tls: TLS, script: stage => (stage === 'starttls' ? '454 4.7.0 no keys' : undefined) })
    assert.equal(only(await (await rig()).deliver(makeJob(['b@direct.test']))).kind, 'delivered')
    assert.equal(first.connections, 1)
  })

  for (const [what, options] of [
    ['does not offer it', {}],
    ['fails at it', brokenTls],
    ['refuses it', { tls: TLS, script: (stage: string) => (stage === 'starttls' ? '454 4.7.0 no' : undefined) }],
  ] as const) {
    test(`with TLS required, a server that ${what} gets nothing`, async () => {
      const first = await sink(options)
      assertOutcome(
        only(await (await rig({ tls: 'required' })).deliver(makeJob(['b@direct.test']))),
        'deferred',
        '4.7.5',
      )
      assert.equal(first.messages.length, 0)
    })
  }

  test('what a server says in clear after its 220 to STARTTLS is not believed', async () => {
    const first = await sink({
      keywords: ['STARTTLS'],
      script: stage => (stage === 'starttls' ? { kind: 'raw', bytes: '220 go\r\n250 injected\r\n' } : undefined),
    })
    assertOutcome(only(await (await rig({ tls: 'required' })).deliver(makeJob(['b@direct.test']))), 'deferred', '4.7.5')
    assert.equal(first.messages.length, 0)
  })

  test('an old server is spoken to with HELO and without parameters', async () => {
    const first = await sink({
      script: (stage, argument) => (stage === 'ehlo' && argument.startsWith('EHLO') ? '500 what?' : undefined),
    })
    assert.equal(only(await (await rig()).deliver(makeJob(['b@direct.test'], { sender: null }))).kind, 'delivered')
    assert.equal(first.messages[0]?.mailArgument, '<>')
  })

  test('a server with our own name is a loop', async () => {
    await sink({ name: 'us.test' })
    assertOutcome(only(await (await rig()).deliver(makeJob(['b@direct.test']))), 'failed', '5.4.6')
  })

  test('a message over the announced limit is not offered', async () => {
    const first = await sink({ keywords: ['SIZE 10'] })
    assertOutcome(only(await (await rig()).deliver(makeJob(['b@direct.test']))), 'failed', '5.3.4')
    assert.ok(!first.commands.some(line => line.includes('MAIL')))
  })

  test('an address that needs SMTPUTF8 fails where it is not offered, and goes where it is', async () => {
    const plain = await sink({ keywords: ['8BITMIME'] })
    const job = makeJob(['jürgen@direct.test'], { utf8: true })
    assertOutcome(only(await (await rig()).deliver(job)), 'failed', '5.6.7')
    plain.options = { address: '127.0.0.2', port }
    assert.equal(only(await (await rig()).deliver(job)).kind, 'delivered')
    assert.deepEqual(plain.messages[0]?.recipients, ['jürgen@direct.test'])
    assert.match(plain.messages[0]?.mailArgument ?? '', / SMTPUTF8$/)
  })

  test('a message sent with SMTPUTF8 that is all ASCII needs none', async () => {
    await sink({ keywords: [] })
    assert.equal(only(await (await rig()).deliver(makeJob(['b@direct.test'], { utf8: true }))).kind, 'delivered')
  })

  for (const [what, bytes, arrives] of [
    ['a bare LF becomes CRLF', 'A: b\n\nx\n.\ny\r\n', 'A: b\r\n\r\nx\r\n.\r\ny\r\n'],
    ['a bare CR becomes CRLF', 'A: b\r\n\r\nx\r.\ry\r\n', 'A: b\r\n\r\nx\r\n.\r\ny\r\n'],
    ['a missing last line end is added', 'A: b\r\n\r\nno end', 'A: b\r\n\r\nno end\r\n'],
    ['a CR at the very end becomes CRLF', 'A: b\r\n\r\nno end\r', 'A: b\r\n\r\nno end\r\n'],
    ['8-bit octets stay', 'A: b\r\n\r\n\xff\xfe\x80\r\n', 'A: b\r\n\r\n\xff\xfe\x80\r\n'],
  ] as const) {
    for (const chunkBytes of [1, 2, 3, 65_536]) {
      test(`${what} (chunks of ${chunkBytes})`, async () => {
        const first = await sink()
        const job = makeJob(['b@direct.test'], { bytes: Buffer.from(bytes, 'latin1'), chunkBytes })
        assert.equal(only(await (await rig()).deliver(job)).kind, 'delivered')
        assert.equal(first.messages[0]?.data.toString('latin1'), arrives)
        assert.equal(first.messages.length, 1)
      })
    }
  }

  test('the next mail of the same lane uses the open connection', async () => {
    const first = await sink()
    const made = await rig({ keep_idle: '5s' })
    for (const _ of [1, 2, 3]) assert.equal(only(await made.deliver(makeJob(['b@direct.test']))).kind, 'delivered')
    assert.equal(first.connections, 1)
    assert.equal(first.messages.length, 3)
  })

  test('domains with the same hosts share a connection, and each is told of its own security', async () => {
    const first = await sink()
    const made = await rig({ keep_idle: '5s' })
    const told: (string | undefined)[] = []
    // Each is of the site once its records were read.
    for (const domain of ['site1.test', 'site2.test', 'site1.test', 'site2.test']) {
      const outcome = only(await made.deliver(makeJob([`b@${domain}`])))
      told.push(outcome.kind === 'delivered' ? outcome.security : undefined)
    }
    assert.deepEqual([made.target.site?.('site1.test'), made.target.site?.('site2.test')], ['first.test', 'first.test'])
    assert.equal(first.messages.length, 4)
    assert.equal(first.connections, 2)
    assert.deepEqual(
      told.map(words => /site\d\.test/.exec(words ?? '')?.[0]),
      ['site1.test', 'site2.test', 'site1.test', 'site2.test'],
    )
  })

  test('an idle connection that died meanwhile costs nothing', async () => {
    const first = await sink()
    const made = await rig({ keep_idle: '5s' })
    await made.deliver(makeJob(['b@direct.test']))
    await first.stop()
    await first.start()
    assert.equal(only(await made.deliver(makeJob(['b@direct.test']))).kind, 'delivered')
    assert.equal(first.messages.length, 2)
  })

  test('what a server says after it has taken the message does not undo that', async () => {
    const first = await sink({
      script: stage =>
        stage === 'end' ? { kind: 'raw', bytes: '250 2.0.0 taken\r\nand now for something else\r\n' } : undefined,
    })
    assert.equal(only(await (await rig()).deliver(makeJob(['b@direct.test']))).kind, 'delivered')
    assert.equal(first.connections, 1)
  })

  test('that a delivery is cut short says nothing of the destination', async () => {
    const stop = new AbortController()
    await sink({
      script: stage => {
        if (stage === 'connect') stop.abort()
        return stage === 'connect' ? { kind: 'silent' } : undefined
      },
    })
    const made = await rig()
    assertOutcome(only(await made.deliver(makeJob(['b@direct.test']), stop.signal)), 'deferred', '4.3.0')
    assertOutcome(only(await made.deliver(makeJob(['b@direct.test']), AbortSignal.abort())), 'deferred', '4.3.0')
  })

  test('a server that was down gets the mail once it is up, and once only', async () => {
    const made = await rig()
    const job = makeJob(['b@direct.test'])
    assertOutcome(only(await made.deliver(job)), 'deferred', '4.4.1')
    const first = await sink()
    assert.equal(only(await made.deliver(job)).kind, 'delivered')
    assert.equal(first.messages.length, 1)
  })
})

test('routes with the same endpoint share a lane, other domains have their own', async () => {
  const { target } = await makeRig({ routes: { 'a.test': '127.0.0.1:2525', 'b.test': '127.0.0.1:2525' } })
  const lane = (domain: string) => target.lane({ local: 'x', domain })
  assert.equal(lane('a.test'), lane('b.test'))
  assert.notEqual(lane('c.test'), lane('d.test'))
})
