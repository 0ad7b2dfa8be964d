/** The reader of bounces, on mails written for it: what is taken from where, and what is refused. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readBounce } from '../../../plugins/bounces/reader/read.js'
import type { Reading } from '../../../plugins/bounces/reader/reading.js'
import { mutate, mutations } from '../../harness/mutate.js'

function mail(text: string): Buffer {
  return Buffer.from(text.replaceAll('\n', '\r\n'))
}

function bounce(reading: Reading) {
  assert.equal(reading.kind, 'bounce', JSON.stringify(reading))
  return reading as Extract<Reading, { kind: 'bounce' }>
}

const REPORT = `Return-Path: <>
From: MAILER-DAEMON@far.test
To: alice@example.test
Subject: Undeliverable
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It did not work.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.far.test
Original-Envelope-Id: env-1

Original-Recipient: rfc822; bob+list@far.test
Final-Recipient: rfc822; bob@far.test
Action: failed
Status: 5.0.0
Remote-MTA: dns; inner.far.test
Diagnostic-Code: smtp; 550 5.1.1 <bob@far.test>:
 no such person

Final-Recipient: utf-8; j\\x{FC}rgen@far.test
Action: delayed
Status: 4.2.2

--b
Content-Type: text/rfc822-headers

Received: from a by mail.example.test with ESMTPSA id 01abc.1;
 Sat, 21 Nov 2026 10:00:00 +0000
From: Alice <alice@example.test>
To: Bob <bob@far.test>
Message-ID: <m1@example.test>
Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=

--b--
`

describe('a report for programs', () => {
  test('says of each recipient what became of it, in whose words', () => {
    const { recipients, reportingMta, envelopeId, form } = bounce(readBounce(mail(REPORT)))
    assert.deepEqual(
      { reportingMta, envelopeId, form },
      { reportingMta: 'mx.far.test', envelopeId: 'env-1', form: 'report' },
    )
    assert.deepEqual(recipients, [
      {
        address: 'bob@far.test',
        original: 'bob+list@far.test',
        action: 'failed',
        // 5.0.0 says nothing: the words of the server say more
        status: '5.1.1',
        code: 550,
        diagnostic: '550 5.1.1 <bob@far.test>: no such person',
        remoteMta: 'inner.far.test',
        from: 'fields',
      },
      { address: 'jürgen@far.test', action: 'delayed', status: '4.2.2', from: 'fields' },
    ])
  })

  test('shows the message it returns, and the hosts it went by', () => {
    const { returned } = bounce(readBounce(mail(REPORT)))
    assert.deepEqual(returned, {
      messageId: '<m1@example.test>',
      from: 'alice@example.test',
      to: ['bob@far.test'],
      subject: 'Grüße',
      hops: [{ by: 'mail.example.test', id: '01abc.1' }],
    })
  })

  test('is read without empty lines between recipients, and with fields in any order', () => {
    const text = REPORT.replace('\n\nFinal-Recipient: utf-8', '\nFinal-Recipient: utf-8')
    assert.equal(bounce(readBounce(mail(text))).recipients.length, 2)
  })

  test('may be encoded, or stand in the text', () => {
    const fields = 'Reporting-MTA: dns; a.test\n\nFinal-Recipient: rfc822; x@y.test\nAction: failed\nStatus: 5.2.2\n'
    const encoded = `From: MAILER-DAEMON@a.test\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n${Buffer.from(fields).toString('base64')}\n`
    const plain = `From: MAILER-DAEMON@a.test\nSubject: Failure\n\nTechnical report:\n\n${fields}`
    for (const text of [encoded, plain]) {
      const { recipients } = bounce(readBounce(mail(text)))
      assert.equal(recipients[0]?.address, 'x@y.test')
      assert.equal(recipients[0]?.status, '5.2.2')
    }
  })
})

const HEAD =
  'Return-Path: <>\nFrom: Mail Delivery <MAILER-DAEMON@far.test>\nTo: alice@example.test\nSubject: Delivery failed\n\n'

describe('a text for people', () => {
  for (const [name, text, expected] of [
    [
      'an address in brackets, the reason below it',
      'We could not deliver your mail.\n\n<bob@far.test>:\nRemote host said: 552 5.2.2 mailbox full\n',
      { address: 'bob@far.test', code: 552, status: '5.2.2', diagnostic: '552 5.2.2 mailbox full' },
    ],
    [
      'an address of its own line, the host in the reason',
      'The following address failed:\n\n  bob@far.test\n    host mx.far.test [192.0.2.7]: 550 no such user\n',
      { address: 'bob@far.test', code: 550, remoteMta: 'mx.far.test', diagnostic: '550 no such user' },
    ],
    [
      'a sentence with the address in it',
      'Your message could not be delivered to bob@far.test because the mailbox is closed.\n',
      {
        address: 'bob@far.test',
        diagnostic: 'Your message could not be delivered to bob@far.test because the mailbox is closed.',
      },
    ],
    [
      'an enhanced code alone',
      'Sorry, we could not deliver it.\n\n<bob@far.test>:\nNobody has that name. (#5.1.1)\n',
      { address: 'bob@far.test', status: '5.1.1', diagnostic: 'Nobody has that name. (#5.1.1)' },
    ],
    [
      'Japanese without spaces',
      '次の宛先に送信できませんでした。\n\nbob@far.test\n\n理由: 宛先のメールボックスが一杯です\n',
      { address: 'bob@far.test', diagnostic: '理由: 宛先のメールボックスが一杯です' },
    ],
  ] as const) {
    test(name, () => {
      const [one] = bounce(readBounce(mail(HEAD + text))).recipients
      const { action, from, ...rest } = one!
      assert.deepEqual({ action, from }, { action: 'failed', from: 'text' })
      assert.deepEqual(rest, expected)
    })
  }

  test('of several recipients gives each its own reason', () => {
    const text = '<a@far.test>:\n550 5.1.1 unknown\n\n<b@far.test>:\n552 5.2.2 full\n'
    const { recipients } = bounce(readBounce(mail(`${HEAD}Not delivered to these:\n\n${text}`)))
    assert.deepEqual(
      recipients.map(({ address, status }) => [address, status]),
      [
        ['a@far.test', '5.1.1'],
        ['b@far.test', '5.2.2'],
      ],
    )
  })

  test('ends where the returned message begins, whatever stands in between', () => {
    const text =
      'Could not be delivered: <bob@far.test> 550 no\n\n§§§ hier folgt die Nachricht §§§\n\nReceived: by mail.example.test id q9.1\nFrom: alice@example.test\nTo: carol@far.test\nSubject: x\nMessage-ID: <z@example.test>\n\nhi dave@far.test\n'
    const reading = bounce(readBounce(mail(HEAD + text)))
    assert.deepEqual(
      reading.recipients.map(({ address }) => address),
      ['bob@far.test'],
    )
    assert.equal(reading.returned?.messageId, '<z@example.test>')
  })

  test('tells of a delay', () => {
    const text = `${HEAD.replace('Delivery failed', 'Warning: message delayed')}Not delivered yet, we will keep trying:\n\n<bob@far.test>: 451 try later\n`
    assert.equal(bounce(readBounce(mail(text))).recipients[0]?.action, 'delayed')
  })
})

describe('no bounce is', () => {
  for (const [name, text, kind] of [
    [
      'an answer of a person who is away',
      'Return-Path: <>\nFrom: bob@far.test\nSubject: Out of office: hi\n\nI am away.\n',
      'auto-reply',
    ],
    [
      'an answer of a robot (RFC 3834)',
      'From: bob@far.test\nAuto-Submitted: auto-replied\nSubject: Re: hi\n\nThank you.\n',
      'auto-reply',
    ],
    [
      'a letter about a failure',
      'From: bob@far.test\nTo: a@b.test\nSubject: our plans\n\nMy mail was rejected: 550 5.1.1 <x@y.test>\n',
      'none',
    ],
    [
      'a receipt',
      'From: bob@far.test\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread\n--b\nContent-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n--b--\n',
      'receipt',
    ],
    ['octets', '\u0000\u0001', 'none'],
    ['nothing', '', 'none'],
  ] as const) {
    test(name, () => assert.equal(readBounce(mail(text)).kind, kind))
  }
})

test('a complaint names who complained, and the message', () => {
  const text = `From: fbl@far.test
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b

This is a report.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: x/1
Version: 1
Original-Rcpt-To: bob@far.test
Source-IP: 192.0.2.9
--b
Content-Type: message/rfc822

From: alice@example.test
To: hidden@far.test
Message-ID: <m2@example.test>
Subject: x

hi
--b--
`
  const reading = readBounce(mail(text))
  assert.equal(reading.kind, 'complaint')
  assert.ok(reading.kind === 'complaint')
  assert.deepEqual(reading.recipients, ['bob@far.test'])
  assert.equal(reading.feedback, 'abuse')
  assert.equal(reading.sourceIp, '192.0.2.9')
  assert.equal(reading.returned?.messageId, '<m2@example.test>')
})

describe('hostile mail', () => {
  test('with many addresses costs no more for each of them', t => {
    const cost = (count: number) => {
      const lines = Array.from({ length: count }, (_, i) => `nobody${i}@far.test`)
      const text = mail(`From: MAILER-DAEMON@far.test\nSubject: failure notice\n\nundeliverable\n${lines.join('\n')}\n`)
      const lower = t.mock.method(String.prototype, 'toLowerCase')
      try {
        assert.equal(bounce(readBounce(text, { nullSender: true })).recipients.length, count)
        return lower.mock.callCount()
      } finally {
        lower.mock.restore()
      }
    }
    assert.ok(cost(400) < 8 * cost(100))
  })

  test('with any octets out of place is read to an end', () => {
    const good = fc.constantFrom(
      REPORT,
      `${HEAD}Could not be delivered:\n\n<x@y.test>: 550 5.1.1 no\n\nFrom: a@b.test\nReceived: by x id 1\nTo: x@y.test\n`,
    )
    fc.assert(
      fc.property(good, mutations, (text, changes) => {
        const reading = readBounce(mutate(mail(text), changes))
        const printed = JSON.stringify(reading)
        assert.ok(printed.length < 20_000)
        assert.doesNotMatch(printed, /[\u0000-\u001f]/)
      }),
      { numRuns: Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 300) },
    )
  })

  for (const [name, text] of [
    ['a hundred thousand addresses', `${HEAD}could not be delivered to\n${'<a@b.test> '.repeat(100_000)}`],
    ['a hundred thousand lines', `${HEAD}could not be delivered to\n${'<a@b.test>:\n'.repeat(100_000)}`],
    [
      'a hundred thousand groups',
      `From: MAILER-DAEMON@x.test\nContent-Type: message/delivery-status\n\n${'Final-Recipient: rfc822; a@b.test\n\n'.repeat(100_000)}`,
    ],
    ['one line of a megabyte', `${HEAD}${'a.'.repeat(500_000)}@`],
    ['one line of at signs', `${HEAD}${'@'.repeat(500_000)}`],
    ['one line of digits', `${HEAD}${'5.1.'.repeat(250_000)}`],
    ['one line of words', `${HEAD}${'not able '.repeat(100_000)}`],
    [
      'a hundred parts in parts',
      `${HEAD.trimEnd()}\n${Array.from({ length: 100 }, (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`).join('')}`,
    ],
  ] as const) {
    test(`${name} is read within bounds`, () => {
      const started = process.cpuUsage()
      const reading = readBounce(mail(text))
      const { user } = process.cpuUsage(started)
      assert.ok(user < 3_000_000, `${user / 1000} ms`)
      if (reading.kind === 'bounce') assert.ok(reading.recipients.length <= 500)
    })
  }
})
