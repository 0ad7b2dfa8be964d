/**
 * The mx target against a name server and mail servers on loopback: which host gets the mail, and what becomes of each recipient.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertOutcome, mailWorld, only } from './deliver-world.js'
import { MESSAGE, makeJob, makeRig, QUICK } from './rig.js'

describe('delivery by MX', () => {
  const world = mailWorld()
  const { sink, rig } = world

  test('the best mail host gets the mail, octet for octet', async () => {
    const first = await sink()
    const second = await sink({ address: '127.0.0.3' })
    const outcome = only(await (await rig()).deliver(makeJob(['b@two.test'])))
    assert.deepEqual(outcome, {
      kind: 'delivered',
      row: 0,
      remote: `first.test [127.0.0.2]:${world.port}`,
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
      routes: { '.sub.test': '127.0.0.1:1', 'a.sub.test': `127.0.0.2:${world.port}`, '*': '127.0.0.1:1' },
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
})

test('routes with the same endpoint share a lane, other domains have their own', async () => {
  const { target } = await makeRig({ routes: { 'a.test': '127.0.0.1:2525', 'b.test': '127.0.0.1:2525' } })
  const lane = (domain: string) => target.lane({ local: 'x', domain })
  assert.equal(lane('a.test'), lane('b.test'))
  assert.notEqual(lane('c.test'), lane('d.test'))
  assert.equal(lane('BÜCHER.test'), 'xn--bcher-kva.test')
  assert.equal(lane('xn--bcher-kva.TEST'), 'xn--bcher-kva.test')
})
