/** What stands in an answer: RFC 3834 §3, RFC 5230 §5. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeQuotedPrintable, decodeWords, scanHeader } from '../../../core/text/index.js'
import { writeAnswer } from '../../../plugins/vacation/answer.js'
import { address } from '../../harness/context.js'
import { ALICE, type Facts, fieldsOf, LETTER, mailOf, NOW, SETTING } from './house.js'

function write(header = LETTER, facts: Facts = {}, wish: Partial<typeof SETTING> = {}) {
  const answer = writeAnswer({
    ...{ id: 'a1.1', server: 'mail.example.test', now: NOW, account: ALICE, sender: address('bob@far.test') },
    ...{ mail: mailOf(header, facts), fields: fieldsOf(header), wish: { ...SETTING, ...wish } },
  })
  const { fields, bodyStart } = scanHeader(answer.bytes)
  const field = (name: string) => fields.find(one => one.name === name)?.raw
  return { answer, field, fields, body: decodeQuotedPrintable(answer.bytes.subarray(bodyStart)).toString() }
}

describe('an answer', () => {
  test('is from the owner to the sender, by nobody, and says that a machine wrote it', () => {
    const { answer, fields, body } = write(`${LETTER}\nMessage-ID: <m1@far.test>`)
    const { bytes, ...rest } = answer
    assert.deepEqual(rest, {
      id: 'a1.1',
      sender: null,
      to: address('bob@far.test'),
      reason: 'vacation answer of alice@example.test to q1.1',
    })
    assert.deepEqual(
      fields.map(({ name, raw }) => `${name}: ${raw}`),
      [
        'From: alice@example.test',
        'To: bob@far.test',
        'Subject: Auto: hello',
        'Date: Wed, 10 Jun 2026 12:00:00 +0000',
        'Message-ID: <a1.1@mail.example.test>',
        'In-Reply-To: <m1@far.test>',
        'References: <m1@far.test>',
        'Auto-Submitted: auto-replied (vacation)',
        'X-Auto-Response-Suppress: All',
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: quoted-printable',
      ],
    )
    assert.equal(body, 'I am away.\r\n\r\n-- \r\nAlice\r\n')
    assert.ok(!/[^\r]\n|\r[^\n]/.test(bytes.toString('latin1')))
  })

  for (const [what, header, facts, wish, name, value] of [
    ['has the subject its owner wants', LETTER, {}, { subject: 'Weg bis März' }, 'Subject', 'Weg bis März'],
    ['reads the subject of the mail', 'Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=', {}, {}, 'Subject', 'Auto: grüße'],
    ['has a subject where the mail has none', 'To: alice@example.test', {}, {}, 'Subject', 'Automated reply'],
    ['and where it is blank', 'Subject:   ', {}, {}, 'Subject', 'Automated reply'],
    [
      'takes no line ends from a subject',
      'Subject: =?utf-8?q?a=0D=0ABcc:_x@y.test?=',
      {},
      {},
      'Subject',
      'Auto: a  Bcc: x@y.test',
    ],
    [
      'has the From its owner wants',
      LETTER,
      {},
      { from: '"Jürgen" <j@example.test>' },
      'From',
      'Jürgen <j@example.test>',
    ],
    ['is from the address it came for', LETTER, { recipient: 'A@second.test' }, {}, 'From', 'A@second.test'],
    [
      'is from that without its tag',
      LETTER,
      { recipient: 'alice+x@example.test', tag: 'x' },
      {},
      'From',
      'alice@example.test',
    ],
    [
      'is from the first address where it came by an alias',
      LETTER,
      { recipient: 'sales@example.test' },
      {},
      'From',
      'alice@example.test',
    ],
    [
      'goes on with the references',
      'Message-ID: <c@x>\nReferences: <a@x>\n <b@x>',
      {},
      {},
      'References',
      '<a@x> <b@x> <c@x>',
    ],
    [
      'begins them with what was answered',
      'Message-ID: <c@x>\nIn-Reply-To: <b@x>',
      {},
      {},
      'References',
      '<b@x> <c@x>',
    ],
    ['takes nothing that is no id', 'Message-ID: a b <c d> <ok@x>', {}, {}, 'In-Reply-To', '<ok@x>'],
  ] as const)
    test(what, () => assert.equal(decodeWords(write(header, facts, wish).field(name) ?? 'nothing'), value))

  for (const [what, from, recipient, raw] of [
    [
      'a name with a comma and letters beyond ASCII',
      '"Müller, Jörg" <j@example.test>',
      undefined,
      '=?UTF-8?B?TcO8bGxlciwgSsO2cmc=?= <j@example.test>',
    ],
    ['a name with a comma', '"Doe, Joe" <j@example.test>', undefined, '"Doe, Joe" <j@example.test>'],
    ['an international address', undefined, 'jörg@example.test', 'jörg@example.test'],
    ['an international domain', undefined, 'a@bücher.test', 'a@xn--bcher-kva.test'],
    ['a quoted local part', undefined, 'j doe@example.test', '"j doe"@example.test'],
    ['a quoted local part that is known by an alias alone', undefined, 'sales@example.test', '"j doe"@example.test'],
  ] as const) {
    test(`is from an address that can be answered: ${what}`, () => {
      const addresses = ['j doe@example.test', 'jörg@example.test', 'a@xn--bcher-kva.test']
      const { bytes } = writeAnswer({
        ...{ id: 'a1.1', server: 'mail.example.test', now: NOW, account: { ...ALICE, addresses } },
        ...{ sender: address('bob@far.test'), mail: mailOf(LETTER, recipient === undefined ? {} : { recipient }) },
        ...{ fields: fieldsOf(LETTER), wish: { ...SETTING, ...(from === undefined ? {} : { from }) } },
      })
      assert.equal(/^From: (.*)$/m.exec(bytes.toString())?.[1]?.trim(), raw)
    })
  }

  test('refers to nothing where the mail has no id', () => {
    const { field } = write(LETTER)
    assert.deepEqual([field('In-Reply-To'), field('References')], [undefined, undefined])
  })

  test('keeps the first and the last of very many references', () => {
    const many = Array.from({ length: 500 }, (_, at) => `<r${at}@x>`).join('\n ')
    const ids = write(`Message-ID: <m@x>\nReferences: ${many}`).field('References')!.split(' ')
    assert.deepEqual([ids.length, ids[0], ids.at(-2), ids.at(-1)], [20, '<r0@x>', '<r499@x>', '<m@x>'])
  })

  test('has its text in lines of at most 76 octets, whatever it holds', () => {
    const text = `${'grüße '.repeat(500)}\n.\nFrom here`
    const { answer, body } = write(LETTER, {}, { text })
    assert.equal(body.replaceAll('\r\n', '\n').trimEnd(), text.trimEnd())
    assert.ok(
      answer.bytes
        .toString('latin1')
        .split('\r\n')
        .every(line => line.length <= 78),
    )
  })
})
