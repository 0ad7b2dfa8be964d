/** What bench:filter counts, and what it shows of a message. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readArguments } from '../../bench/filter/args.js'
import { errorsOf, groupFigures, oneMinusAuc, percentile, type Result } from '../../bench/filter/figures.js'
import { viewOf } from '../../bench/filter/view.js'

test('sums that separate have nothing under 1-AUC, mixed ones half, turned ones all', () => {
  assert.equal(oneMinusAuc([0, 1, 2], [3, 4]), 0)
  assert.equal(oneMinusAuc([1, 1], [1]), 0.5)
  assert.equal(oneMinusAuc([3, 4], [1, 2]), 1)
  assert.equal(oneMinusAuc([0, 2], [1, 3]), 0.25)
  assert.equal(oneMinusAuc([], [1]), undefined)
})

test('the threshold itself is spam', () => {
  const results = [
    { label: 'ham', sum: 5 },
    { label: 'ham', sum: 4.99 },
    { label: 'spam', sum: 5 },
    { label: 'spam', sum: 4.99 },
  ] as const
  const { falsePositives, falseNegatives } = errorsOf(results, 5)
  assert.deepEqual({ falsePositives, falseNegatives }, { falsePositives: 1, falseNegatives: 1 })
})

test('a group is left out with its caps', () => {
  const money = [
    { name: 'loan', points: 4, group: 'money' },
    { name: 'cap-money', points: -1, group: 'money' },
  ]
  const result = (label: Result['label'], sum: number, findings: Result['findings']): Result => ({
    set: 's',
    label,
    id: '1',
    at: 0,
    year: 2020,
    sum,
    findings,
  })
  const alone = { name: 'gibberish', points: 2, group: 'letters' }
  const results = [result('spam', 5, [...money, alone]), result('ham', 3, money), result('ham', 2, [alone])]
  const [first] = groupFigures(results, 5)
  assert.deepEqual(
    groupFigures(results, 5).map(({ group, falseNegativesMore }) => [group, falseNegativesMore]),
    [
      ['letters', 1],
      ['money', 1],
    ],
  )
  assert.equal(first!.hamHit, 1)
  assert.equal(groupFigures(results, 5)[1]!.points, 3)
})

test('percentiles are by nearest rank', () => {
  assert.equal(percentile([3, 1, 2], 0.5), 2)
  assert.equal(percentile([1, 2, 3, 4], 0.99), 4)
})

const MAIL = `From reader@example.org Mon Jan  1 00:00:00 2001
Return-Path: <news@shop.example>
Received: from inner (localhost [127.0.0.1]) by mx.example.org; Tue, 3 Sep 2002 10:00:00 +0200
X-Spam-Status: Yes, hits=12
\tmore of it
Received: from mail.shop.example ([203.0.113.5]) by mx.example.org; Mon, 2 Sep 2002 10:00:00 +0200
Received: from desk.shop.example ([203.0.113.77]) by mail.shop.example; Mon, 2 Sep 2002 09:59:00 +0200
Authentication-Results: mx.example.org; compauth=fail
Subject: Offers
From: Shop <news@shop.example>
To: phishing@pot
Content-Type: text/plain

Hello phishing@pot,
X-Spam-Status: in the body it is text
`

test('the full view is the mail without other verdicts, as it came from the first host outside', () => {
  const mail = viewOf(Buffer.from(MAIL), 'full')
  const text = mail.octets.toString()
  assert.ok(text.startsWith('Return-Path: <news@shop.example>\r\nReceived: from desk'))
  assert.match(mail.handed.toString(), /^Return-Path: .*\r\nReceived: from mail\.shop.*\r\nReceived: from desk/)
  assert.doesNotMatch(text.split('\r\n\r\n')[0]!, /X-Spam|more of it|compauth/)
  assert.match(text, /\r\n\r\nHello phishing@pot,\r\nX-Spam-Status: in the body/)
  assert.equal(mail.at, Date.UTC(2002, 8, 3, 8))
  assert.equal(mail.session.remote?.address, '203.0.113.5')
  assert.equal(mail.session.helo, 'mail.shop.example')
  assert.deepEqual(mail.envelope.sender, { local: 'news', domain: 'shop.example' })
})

test('the neutral view has sender, subject, MIME and body, and no mask', () => {
  const mail = viewOf(Buffer.from(MAIL), 'neutral')
  assert.equal(
    mail.octets.toString(),
    'Subject: Offers\r\nFrom: Shop <news@shop.example>\r\nContent-Type: text/plain\r\n\r\n' +
      'Hello user@example.org,\r\nX-Spam-Status: in the body it is text\r\n',
  )
  assert.equal(mail.year, 2002)
  assert.equal(mail.session.helo, 'mail.example.net')
  assert.deepEqual(mail.envelope.sender, { local: 'news', domain: 'shop.example' })
})

test('a wrong option is told with what there is', () => {
  const wish = readArguments(['--view', 'sideways'])
  assert.equal(wish.kind === 'wrong' && wish.why, '--view: expected full, neutral, both, found "sideways"')
})
