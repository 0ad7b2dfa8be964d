/** Who is answered, and who never is: RFC 3834 §2, RFC 5230 §4.5 and §4.6. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { whyNot } from '../../../plugins/vacation/whom.js'
import { ALICE, type Facts, fieldsOf, LETTER, mailOf } from './house.js'

function ask(
  header: string,
  facts: Facts = {},
  addresses: readonly string[] = [],
  account = ALICE,
): string | undefined {
  return whyNot(account, mailOf(header, facts), fieldsOf(header), { addresses }, 'mail.example.test')
}

describe('people are answered who write', () => {
  for (const [what, header, facts, addresses] of [
    ['to the owner', LETTER],
    ['to another address of the owner', 'To: a@second.test', { recipient: 'a@second.test' }],
    ['to the owner among others', 'To: x@far.test, "y, z" <y@far.test>\nCc: Team: alice@EXAMPLE.test, c@far.test;'],
    ['to the owner by Resent-To', 'To: list@far.test\nResent-To: alice@example.test'],
    ['to the owner by Bcc', 'To: x@far.test\nBcc: alice@example.test'],
    ['with a tag', 'To: alice+shop@example.test', { recipient: 'alice+shop@example.test', tag: 'shop' }],
    [
      'to an address the owner says',
      'To: sales@example.test',
      { recipient: 'sales@example.test' },
      ['sales@example.test'],
    ],
    ['with Auto-Submitted: no', `${LETTER}\nAuto-Submitted: no`],
    ['with a precedence that says nothing', `${LETTER}\nPrecedence: first-class`],
    ['as postmaster', LETTER, { sender: 'postmaster@far.test' }],
    ['from a name that begins like a robot', LETTER, { sender: 'bouncer@far.test' }],
    ['from a name that holds one', LETTER, { sender: 'annaowner@far.test' }],
    ['through a list of somebody else who says so', `${LETTER}\nAuthentication-Results: other.test; dmarc=fail`],
    ['and pass', `Authentication-Results: mail.example.test; dmarc=pass; spf=pass\n${LETTER}`],
    ['with a program that suppresses receipts only', `${LETTER}\nX-Auto-Response-Suppress: DR, RN`],
  ] as readonly (readonly [string, string, Facts?, string[]?])[])
    test(what, () => assert.equal(ask(header, facts, addresses), undefined))
})

describe('nobody is answered when the mail', () => {
  for (const [what, header, facts, why] of [
    ['was taken for spam', LETTER, { junk: 'points' }, /spam/],
    ['is from nobody', LETTER, { sender: null }, /from nobody/],
    ['is from oneself', LETTER, { sender: 'A@second.test' }, /same mailbox/],
    [
      'is from oneself with a tag',
      LETTER,
      { sender: 'alice+x@example.test', recipient: 'alice+x@example.test', tag: 'x' },
      /same mailbox/,
    ],
    ['names the owner nowhere', 'To: x@far.test', {}, /in person/],
    ['names the owner in the subject only', 'To: x@far.test\nSubject: alice@example.test', {}, /in person/],
    ['names nobody', 'Subject: x', {}, /in person/],
    ['came by an alias for several', 'To: all@example.test', { recipient: 'all@example.test' }, /in person/],
    [
      'has a tag that is not the owner’s',
      'To: bob+x@example.test',
      { recipient: 'bob+x@example.test', tag: 'x' },
      /in person/,
    ],
    ...[
      'List-Id',
      'List-Help',
      'List-Subscribe',
      'List-Unsubscribe',
      'List-Post',
      'List-Owner',
      'List-Archive',
      'Mailing-List',
    ].map(name => [`has ${name}`, `${LETTER}\n${name.toUpperCase()}: <x>`, {}, /mailing list/] as const),
    ...['auto-replied', 'auto-generated', 'auto-notified; x=y', 'AUTO-REPLIED (vacation)', ''].map(
      value => [`is Auto-Submitted: ${value}`, `${LETTER}\nAuto-Submitted: ${value}`, {}, /machine/] as const,
    ),
    ...['bulk', 'list', 'Junk', 'auto_reply'].map(
      value => [`has Precedence: ${value}`, `${LETTER}\nPrecedence: ${value}`, {}, /for many/] as const,
    ),
    ...['All', 'OOF', 'DR, AutoReply'].map(
      value => [`suppresses ${value}`, `${LETTER}\nX-Auto-Response-Suppress: ${value}`, {}, /wants no/] as const,
    ),
    ['is a report', `${LETTER}\nContent-Type: multipart/report; report-type=disposition-notification`, {}, /report/],
    ['is an answer of an old program', `${LETTER}\nX-Autoreply: yes`, {}, /machine/],
    ['may be forged', `Authentication-Results: mail.example.test; dmarc=fail\n${LETTER}`, {}, /forged/],
    ['fails by SPF', `Authentication-Results: mail.example.test; spf=softfail\n${LETTER}`, {}, /forged/],
    ['is written as no-reply', LETTER.replace('bob@', 'no-reply@'), {}, /no-reply@, which wants no answer/],
    ...[
      ...[
        'MAILER-DAEMON',
        'LISTSERV',
        'majordomo',
        'mailman',
        'noreply',
        'no-reply',
        'no_reply',
        'DoNotReply',
        'do-not-reply',
      ],
      ...[
        'owner-dev',
        'dev-request',
        'dev-owner',
        'dev-bounces',
        'bounce+x=y',
        'bounces-1-2',
        'dev-bounces+bob=far.test',
        'dev+bncBAAAA',
      ],
      ...['sentto-1-2', 'msprvs1=x', 'autoreply', 'auto-responder', 'news-return-1-bob=far.test', 'x-noreply'],
    ].map(local => [`is from ${local}`, LETTER, { sender: `${local}@far.test` }, /robot/] as const),
  ] as readonly (readonly [string, string, Facts, RegExp])[])
    test(what, () => assert.match(ask(header, facts) ?? '', why))

  test('comes for an account that is disabled', () => {
    assert.match(ask(LETTER, {}, [], { ...ALICE, disabled: true }) ?? '', /disabled/)
  })
})
