/** One session with a mail host, and the next: TLS or none, what it offers, what is kept open, and what is said out of turn. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SinkOptions } from '../../harness/smtp-sink.js'
import { TEST_CERT, TEST_KEY } from '../../harness/test-cert.js'
import { assertOutcome, mailWorld, only } from './deliver-world.js'
import { MESSAGE, makeJob } from './rig.js'

const TLS = { cert: TEST_CERT, key: TEST_KEY }

describe('sessions with mail hosts', () => {
  const world = mailWorld()
  const { sink, rig } = world

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

  test('a server that hangs up right after the handshake gets the mail in clear', async () => {
    // With TLS 1.3 our side is done before the peer has looked at what we say, and at the certificate that we do not have.
    let greetings = 0
    const first = await sink({
      tls: TLS,
      script: (stage, _, connection) =>
        stage === 'ehlo' && connection === 1 && ++greetings === 2 ? { kind: 'drop' } : undefined,
    })
    const outcome = only(await (await rig()).deliver(makeJob(['b@direct.test'])))
    assert.equal(outcome.kind, 'delivered', JSON.stringify(outcome))
    assert.deepEqual([first.connections, first.messages[0]?.tls], [2, false])
  })

  for (const reply of ['530 5.7.0 Must issue a STARTTLS command first', '550 5.7.10 Encryption needed', '530 no']) {
    for (const at of ['mail', 'rcpt'] as const) {
      test(`"${reply}" at ${at} after a failed handshake is no failure of the mail`, async () => {
        await sink({ ...brokenTls, script: stage => (stage === at ? reply : brokenTls.script?.(stage, '', 1)) })
        assertOutcome(only(await (await rig()).deliver(makeJob(['b@direct.test']))), 'deferred', '4.7.5')
      })
    }
  }

  test('a refusal that is not about TLS stands also after a failed handshake', async () => {
    await sink({
      ...brokenTls,
      script: stage => (stage === 'rcpt' ? '550 5.1.1 nobody' : brokenTls.script?.(stage, '', 1)),
    })
    assertOutcome(only(await (await rig()).deliver(makeJob(['b@direct.test']))), 'failed', '5.1.1')
  })

  test('a refused STARTTLS goes on in clear in the same session', async () => {
    const first = await sink({ tls: TLS, script: stage => (stage === 'starttls' ? '454 4.7.0 no keys' : undefined) })
    assert.equal(only(await (await rig()).deliver(makeJob(['b@direct.test']))).kind, 'delivered')
    assert.equal(first.connections, 1)
  })

  test('421 to STARTTLS is followed by a connection in clear', async () => {
    const first = await sink({
      tls: TLS,
      script: stage => (stage === 'starttls' ? { kind: 'drop', reply: '421 4.7.0 no TLS now' } : undefined),
    })
    assert.equal(only(await (await rig()).deliver(makeJob(['b@direct.test']))).kind, 'delivered')
    assert.equal(first.connections, 2)
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

  test('a backup MX that turns out to be us ends nothing: the mail waits for the better host', async () => {
    const us = await sink({ address: '127.0.0.3', name: 'us.test' })
    const outcome = only(await (await rig()).deliver(makeJob(['b@two.test'])))
    assertOutcome(outcome, 'deferred', '4.4.1')
    assert.ok('text' in outcome && outcome.text.includes('first.test'), JSON.stringify(outcome))
    assert.ok(!us.commands.some(line => line.includes('MAIL')))
  })

  test('nor does it where the better host has no address just now', async () => {
    await sink({ name: 'us.test' })
    assertOutcome(only(await (await rig()).deliver(makeJob(['b@troubled.test']))), 'deferred', '4.4.6')
  })

  test('hosts behind a backup MX that turns out to be us are not tried', async () => {
    await sink({ address: '127.0.0.3', name: 'us.test' })
    const worse = await sink({ address: '127.0.0.4' })
    assertOutcome(only(await (await rig()).deliver(makeJob(['b@three.test']))), 'deferred', '4.4.1')
    assert.equal(worse.connections, 0)
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
    plain.options = { address: '127.0.0.2', port: world.port }
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

  test('a domain in U-labels and in A-labels is one: one transaction, and one connection that is kept', async () => {
    const first = await sink()
    const made = await rig({ keep_idle: '5s' })
    const both = await made.deliver(makeJob(['a@bücher.test', 'b@xn--bcher-kva.test']))
    assert.deepEqual(
      both.map(({ kind }) => kind),
      ['delivered', 'delivered'],
    )
    assert.equal(only(await made.deliver(makeJob(['c@BÜCHER.test']))).kind, 'delivered')
    assert.deepEqual([first.connections, first.messages.length], [1, 2])
  })

  for (const [stage, reply] of [
    ['rcpt', '450 4.7.1 greylisted'],
    ['end', '451 4.3.0 not now'],
  ] as const) {
    test(`a host that has put mail off in an open session (${stage}) is not asked again at once`, async () => {
      let asked = 0
      const first = await sink({ script: at => (at === stage && ++asked > 1 ? reply : undefined) })
      const made = await rig({ keep_idle: '5s' })
      assert.equal(only(await made.deliver(makeJob(['b@direct.test']))).kind, 'delivered')
      assertOutcome(only(await made.deliver(makeJob(['b@direct.test']))), 'deferred', reply.split(' ')[1]!)
      assert.deepEqual([asked, first.connections], [2, 1])
    })
  }

  test('after it the next host is asked', async () => {
    let asked = 0
    const first = await sink({ script: at => (at === 'rcpt' && ++asked > 1 ? '450 4.7.1 greylisted' : undefined) })
    const second = await sink({ address: '127.0.0.3' })
    const made = await rig({ keep_idle: '5s' })
    assert.equal(only(await made.deliver(makeJob(['b@two.test']))).kind, 'delivered')
    assert.equal(only(await made.deliver(makeJob(['b@two.test']))).kind, 'delivered')
    assert.deepEqual([first.connections, first.messages.length, second.messages.length], [1, 1, 1])
  })

  test('a host that ends an open session is asked in another', async () => {
    const first = await sink({
      script: (at, _, connection) =>
        at === 'mail' && connection === 1 && first.messages.length > 0
          ? { kind: 'drop', reply: '421 4.4.2 idle for too long' }
          : undefined,
    })
    const made = await rig({ keep_idle: '5s' })
    for (const _ of [1, 2]) assert.equal(only(await made.deliver(makeJob(['b@direct.test']))).kind, 'delivered')
    assert.deepEqual([first.connections, first.messages.length], [2, 2])
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
