/** `posthouse why`: what its words mean, and how a record is told. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Finding, Ruling, TrailEntry } from '../../../../core/api/index.js'
import { listLine, recordLines } from '../../../../core/host/commands/why/record.js'
import { keptFor, momentOf, queriesOf, readSearch, searchedFor } from '../../../../core/host/commands/why/search.js'
import { decidedLines, findingLines } from '../../../../core/host/commands/why/verdict.js'

const NOW = Date.UTC(2030, 0, 2)
const ID = '1m80cb19mbcmqkwj.1'
const search = (args: readonly string[], options = {}) => readSearch({ args, options }, 'mx.example.org', NOW)

describe('words', () => {
  for (const word of [ID, `[${ID}]`, '1m80cb19mbcmqkwj'])
    test(`${word} is an id`, async () =>
      assert.deepEqual(await search([word]), { kind: 'id', id: word.replace(/[[\]]/g, '') }))
  for (const [word, queries] of [
    ['192.0.2.1', [{ client: '192.0.2.1' }]],
    ['2001:db8::1', [{ client: '2001:db8::1' }]],
    ['<a@b.example>', [{ messageId: '<a@b.example>' }]],
    ['@b.example', [{ address: '@b.example' }]],
    ['a@b.example', [{ messageId: 'a@b.example' }, { address: 'a@b.example' }]],
  ] as const)
    test(`${word} is ${JSON.stringify(queries)}`, () => assert.deepEqual(queriesOf(word), queries))
  test('a word goes together with options', async () => {
    const found = await search(['@b.example'], { since: '1d', limit: '5' })
    assert.deepEqual(found, {
      kind: 'queries',
      queries: [{ limit: 5, since: NOW - 86_400_000, address: '@b.example' }],
    })
  })
  test('options alone are one query, and a domain stands for all in it', async () => {
    const options = { from: 'b.example', to: '*@c.example', 'message-id': 'x@y', client: '192.0.2.1' }
    const { queries } = (await search([], options)) as { queries: readonly object[] }
    const [sender, recipient] = ['@b.example', '@c.example']
    assert.deepEqual(queries, [{ limit: 20, messageId: 'x@y', sender, recipient, client: '192.0.2.1' }])
  })
  for (const [args, options, said] of [
    [[], {}, /expected an id, a file, a Message-ID, an address, or at least one of the options/],
    [['nothing'], {}, /nothing is no id, no file that is there/],
    [[], { client: 'mail.example.org' }, /--client: expected an IP address, got mail\.example\.org/],
    [[], { since: 'soon' }, /--since: expected a duration as 2h or 3d, or a time as 2030-01-31/],
    [['a@b.example'], { limit: '0' }, /--limit: expected a number from 1 to 10000, got 0/],
  ] as const)
    test(`what is said of ${JSON.stringify([args, options])}`, () =>
      assert.rejects(search(args, options), { name: 'CommandError', exitCode: 2, message: said }))
})

for (const [text, at] of [
  ['2h', NOW - 7_200_000],
  ['2030-01-01T12:00Z', NOW - 43_200_000],
  ['2030-01-01', new Date(2030, 0, 1).getTime()],
  ['2030-01-01 10:30', new Date(2030, 0, 1, 10, 30).getTime()],
] as const)
  test(`--since ${text}`, () => assert.equal(momentOf('since', text, NOW), at))

test('what was searched and how long records are kept, in words', () => {
  const query = { sender: 'a@b.example', recipient: '@c.example', client: '192.0.2.1', limit: 20 }
  assert.equal(
    searchedFor({ kind: 'queries', queries: [query] }),
    'the sender a@b.example, the recipient @c.example, the client 192.0.2.1',
  )
  const mail = { kind: 'mail', ids: [ID], messageId: '<x@y>', path: 'm.eml' } as const
  assert.equal(searchedFor(mail), `the ids ${ID} of our Received fields and the Message-ID <x@y> of m.eml`)
  const kept = keptFor({ keepMs: 30 * 86_400_000, maxBytes: 1024 ** 3, oldest: NOW })
  assert.match(kept, /^Records are kept for 30d, up to 1024 MB; the oldest is of 20/)
  assert.equal(keptFor({}), 'Records are kept; there is none.')
})

const FINDINGS: readonly Finding[] = [
  { name: 'small', points: 0.5, says: 'a little', plugin: 'p' },
  { name: 'known', points: -2.25, says: 'we know them' },
  { name: 'money', points: 4, says: 'money', group: 'money', evidence: ['ten million'] },
  { name: 'noted', points: 0, says: 'nothing' },
  { name: 'trial', points: 0, shadow: 3, says: 'tried' },
]

test('findings stand by weight with their sum below; what does not count stands apart', () => {
  assert.deepEqual(
    findingLines(FINDINGS, 2.25).map(line => line.trim()),
    [
      '+4.00  money (group money)',
      'money',
      'seen: “ten million”',
      '-2.25  known',
      'we know them',
      '+0.50  small (p)',
      'a little',
      '--------',
      '+2.25  in all',
      'Noted, without points:',
      'noted',
      'nothing',
      'Only tried out, and not in the sum:',
      '(+3.00)  trial',
      'tried',
    ],
  )
})

test('a record whose sum is not that of its findings says so', () => {
  assert.match(findingLines(FINDINGS, 9).join('\n'), /\+2\.25 {2}in all\n {2}\(the record itself says \+9\.00\)/)
})

test('what was decided names the thresholds, whose they are, and which were reached', () => {
  const ruling: Ruling = {
    action: 'junk',
    thresholds: { header: 3, junk: 5, reject: 15 },
    whose: { header: 'general', junk: 'domain example.org', reject: 'general' },
    plugin: 'spam-action',
    says: 'It has come again.',
  }
  assert.deepEqual(decidedLines([{ to: ['a@example.org'], more: 2, kind: 'quarantined', rulings: [ruling] }], 7.4), [
    '  a@example.org and 2 more: accepted, and put into Junk (or held, where it goes out).',
    '    +7.40 points: enough for Junk from 5 (domain example.org), a mark in the header from 3 (general);' +
      ' not for refusal from 15 (general) (spam-action). It has come again.',
  ])
})

test('why somebody has in Junk what was to be refused is told', () => {
  const ruling: Ruling = { action: 'reject', thresholds: { reject: 15 }, whose: {}, plugin: 'spam-action' }
  const lines = (kind: 'quarantined' | 'refused') =>
    decidedLines([{ to: ['a@example.org'], kind, rulings: [ruling] }], 20).join('\n')
  assert.match(lines('quarantined'), /It could not be refused for some alone: others take it/)
  assert.doesNotMatch(lines('refused'), /others take it/)
})

function entry(event: string, at: number, says: string, facts: TrailEntry['facts'] = {}): TrailEntry {
  return { id: ID, at: NOW + at, event, says, facts }
}

test('a record is told from what came to what was done with it later', () => {
  const facts = {
    ...{ session: 's', protocol: 'smtp', listener: 'mx', client: '192.0.2.1', helo: 'mail.example.net' },
    ...{
      reverse: 'confirmed',
      name: 'mail.example.net',
      tls: 'TLSv1.3 X',
      sender: '',
      subject: 'Hi\u202e',
      size: 2048,
    },
    ...{ sum: 4, findings: JSON.stringify([FINDINGS[2]]), decided: '[{"to":["a@example.org"],"kind":"accepted"}]' },
  }
  const lines = recordLines(
    ID,
    [entry('accepted', 0, 'Accepted.', facts), entry('filed', 1, 'Filed.'), entry('moved', 2, 'Moved.')],
    undefined,
    NOW + 60_000,
  )
  const text = lines.map(line => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, 'TIME')).join('\n')
  assert.equal(
    text,
    `${ID}  TIME (1m ago)

What came
  sender     <> (nobody: a bounce or a notice)
  to         a@example.org
  Subject    Hi?
  size       2KB
  by         192.0.2.1 (mail.example.net, which leads back to it), greeting as mail.example.net, with TLSv1.3 X, on listener mx (SMTP)

What spoke for and against it
     +4.00  money (group money)
              money
              seen: “ten million”
  --------
     +4.00  in all

What was decided
  a@example.org: accepted.

What became of it
  TIME  Filed.

Later
  TIME  Moved.`,
  )
})

test('a record of a version that kept less is told by its sentences', () => {
  const facts = { sender: 'a@b.example', sum: 0.5, findings: '[{"name":"x","points":0.5,"says":"y"}]' }
  const text = recordLines(ID, [entry('accepted', 0, 'Accepted from a@b.example.', facts)], undefined, NOW).join('\n')
  assert.match(text, /What came\n.*Accepted from a@b\.example\.\n\nWhat spoke for and against it\n +\+0\.50 {2}x\n/)
})

test('a refusal tells where in the dialogue, by whom, and what was seen', () => {
  const facts = {
    ...{ client: '192.0.2.1', listener: 'mx', protocol: 'smtp', stage: 'mail', code: 550, status: '5.7.1', text: 'no' },
    ...{ plugin: 'dnsbl', rule: 'list.example', evidence: 'It is on it.' },
  }
  const text = recordLines(ID, [entry('refused', 0, 'Refused.', facts)], undefined, NOW).join('\n')
  assert.match(text, /Who came\n/)
  assert.match(
    text,
    /Refused by dnsbl \(list\.example\) when it named the sender: 550 5\.7\.1 no It saw: It is on it\.$/,
  )
})

test('a line of a list says who, to whom, from where and what became of it', () => {
  const facts = { sender: 'a@b.example', client: '192.0.2.1', sum: 3, subject: 'Hi', decided: '[{"to":["x@y","z@y"]' }
  const whole = { ...facts, decided: '[{"to":["x@y","z@y"],"kind":"accepted"}]' }
  const line = listLine(ID, [
    entry('accepted', 0, '', whole),
    entry('filed', 1, '', { into: 'Junk' }),
    entry('filed', 1, ''),
  ])
  assert.match(
    line,
    /^\S+ {2}\S+ \S+ {2}a@b\.example -> x@y and 1 more {2}192\.0\.2\.1 {2}3 points {2}accepted, filed into Junk, filed {2}"Hi"$/,
  )
  assert.doesNotThrow(() => listLine(ID, [entry('accepted', 0, '', facts)]))
})

test('a list names for whom something was refused at RCPT, and how many more', () => {
  const facts = { client: '192.0.2.1', sender: 'a@b.test', stage: 'rcpt', code: 550, to: 'nobody@example.org' }
  const line = (recipients: number) => listLine(ID, [entry('refused', 0, 'Refused.', { ...facts, recipients })])
  assert.match(line(1), / {2}a@b\.test -> nobody@example\.org {2}192\.0\.2\.1 {2}refused$/)
  assert.match(line(3), / -> nobody@example\.org and 2 more /)
})
