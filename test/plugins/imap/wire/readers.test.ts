/** The grammar, reader by reader: what is read, and what is refused at which column. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeUtf7, encodeUtf7 } from '../../../../core/text/utf7.js'
import { formatDateTime, readDate, readDateTime, writtenDay } from '../../../../plugins/imap/wire/date.js'
import type { Features } from '../../../../plugins/imap/wire/features.js'
import { type FetchItem, readFetchItems } from '../../../../plugins/imap/wire/fetch-items.js'
import { readFlagList, readFlags } from '../../../../plugins/imap/wire/flags.js'
import { matchesPattern, readListMailbox, readMailbox, writeMailbox } from '../../../../plugins/imap/wire/mailbox.js'
import { literalMark, ReadError, Reader } from '../../../../plugins/imap/wire/reader.js'
import { readSearch } from '../../../../plugins/imap/wire/search-keys.js'
import { formatSet, pick, readSet, resolveSet } from '../../../../plugins/imap/wire/set.js'
import { writeAstring, writeNString, writeString, writeText } from '../../../../plugins/imap/wire/write.js'
import { cpuMs } from '../../../harness/cpu.js'

function whole<T>(read: (input: Reader) => T, text: string): T {
  const input = Reader.of(text)
  const value = read(input)
  input.end()
  return value
}

function refused(read: (input: Reader) => unknown, text: string): ReadError {
  try {
    whole(read, text)
  } catch (error) {
    if (error instanceof ReadError) return error
    throw error
  }
  throw new Error(`${text} was taken`)
}

// ── strings ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

for (const [text, value] of [
  ['abc', 'abc'],
  ['a]b', 'a]b'],
  ['""', ''],
  ['"a b"', 'a b'],
  ['"a\\"b\\\\c"', 'a"b\\c'],
  ['{3}\r\na\r\n', 'a\r\n'],
  ['{3+}\r\na b', 'a b'],
  ['{0}\r\n', ''],
  ['NIL', 'NIL'],
] as const) {
  test(`an astring ${JSON.stringify(text)} is ${JSON.stringify(value)}`, () => {
    assert.equal(
      whole(input => input.astring(), text),
      value,
    )
  })
}

for (const [text, column] of [
  ['', 1],
  ['(', 1],
  ['"open', 1],
  ['"a\\b"', 1],
  ['a*', 2],
  ['{3}\r\nab', 1],
  ['{3}\r\na\0b', 1],
  ['{99999999999}\r\nx', 1],
] as const) {
  test(`no astring is ${JSON.stringify(text)}`, () => {
    assert.equal(refused(input => input.astring(), text).column, column)
  })
}

test('reading goes on behind a literal, and columns count over the lines', () => {
  const input = Reader.of('{2}\r\nab c')
  assert.equal(input.astring(), 'ab')
  input.space()
  assert.equal(input.column, 5)
  assert.equal(input.atom(), 'c')
  assert.equal(input.atEnd, true)
})

for (const [line, mark] of [
  ['a LOGIN {5}', { size: 5, pushed: false, binary: false }],
  ['a LOGIN {5+}', { size: 5, pushed: true, binary: false }],
  ['a APPEND x ~{5+}', { size: 5, pushed: true, binary: true }],
  ['a LOGIN {5} ', undefined],
  ['a LOGIN {-5}', undefined],
  ['a LOGIN {5++}', undefined],
] as const) {
  test(`the literal announced by ${line}`, () => assert.deepEqual(literalMark(line), mark))
}

for (const [octets, written] of [
  ['', '""'],
  ['a "b" \\', '"a \\"b\\" \\\\"'],
  ['a\r\nb', '{4}\r\na\r\nb'],
  ['caf\xe9', '{4}\r\ncaf\xe9'],
  ['a\0b', '{3}\r\na b'],
] as const) {
  test(`the string ${JSON.stringify(octets)} is written ${JSON.stringify(written)}`, () =>
    assert.equal(writeString(octets), written))
}

test('NIL, atoms and texts are written as the grammar wants them', () => {
  assert.equal(writeNString(undefined), 'NIL')
  assert.equal(writeAstring('Subject'), 'Subject')
  assert.equal(writeAstring('a b'), '"a b"')
  assert.equal(writeText('a\r\nb \xe9'), 'a?b ?')
  assert.equal(writeText(''), '-')
  assert.equal(writeText('[CODE] x'), '(CODE] x')
})

// ── sets ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

for (const [text, largest, ranges] of [
  ['1', 9, [[1, 1]]],
  ['*', 9, [[9, 9]]],
  ['2,4:7,9,12:*', 15, [[2, 2], [4, 7], [9, 9], [12, 15]]], // biome-ignore format: a table row
  ['*:4,5:7', 10, [[4, 10]]],
  ['3:1', 9, [[1, 3]]],
  ['559:*', 100, [[100, 559]]],
  ['1:3,2:5,6', 9, [[1, 6]]],
  ['4294967295', 9, [[4294967295, 4294967295]]],
] as const) {
  test(`the set ${text} among ${largest} is ${JSON.stringify(ranges)}`, () =>
    assert.deepEqual(resolveSet(whole(readSet, text), largest), ranges))
}

for (const [text, column] of [
  ['', 1],
  ['0', 1],
  ['1:', 3],
  ['1,,2', 3],
  ['4294967296', 1],
  ['a', 1],
  [':1', 1],
  ['1:2:3', 4],
] as const) {
  test(`no set is ${JSON.stringify(text)}`, () => assert.equal(refused(readSet, text).column, column))
}

test('a set picks members and is written short', () => {
  assert.deepEqual(pick([1, 3, 5, 7], [[2, 5], [7, 900]]), [3, 5, 7]) // biome-ignore format: short
  assert.equal(formatSet([1, 2, 3, 5, 8, 9]), '1:3,5,8:9')
  assert.equal(formatSet([]), '')
})

// ── dates ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

for (const [text, iso] of [
  ['"17-Jul-1996 02:44:25 -0700"', '1996-07-17T09:44:25.000Z'],
  ['" 1-jan-2000 00:00:00 +0000"', '2000-01-01T00:00:00.000Z'],
  ['"29-Feb-2024 23:59:60 +0130"', '2024-02-29T22:30:00.000Z'],
] as const) {
  test(`the date-time ${text}`, () => assert.equal(new Date(whole(readDateTime, text)).toISOString(), iso))
}

for (const text of [
  '17-Jul-1996 02:44:25 -0700',
  '"31-Feb-2000 00:00:00 +0000"',
  '"1-Jan-2000 00:00:00 +0000"',
  '"01-Foo-2000 00:00:00 +0000"',
  '"01-Jan-2000 24:00:00 +0000"',
  '"01-Jan-2000 00:00:00"',
]) {
  test(`no date-time is ${text}`, () => assert.ok(refused(readDateTime, text)))
}

test('a date may be quoted and of one digit', () => {
  assert.equal(whole(readDate, '1-Feb-1994'), Date.UTC(1994, 1, 1))
  assert.equal(whole(readDate, '"01-FEB-1994"'), Date.UTC(1994, 1, 1))
  assert.ok(refused(readDate, '"1-Feb-1994'))
  assert.ok(refused(readDate, '30-Feb-1994'))
})

test('an INTERNALDATE is written in UTC with a padded day', () => {
  assert.equal(formatDateTime(Date.UTC(2001, 8, 9, 1, 46, 40)), '" 9-Sep-2001 01:46:40 +0000"')
  assert.equal(formatDateTime(Number.NaN), '" 1-Jan-1970 00:00:00 +0000"')
})

for (const [field, day] of [
  ['Sat, 24 Mar 2007 23:00:00 +0200', Date.UTC(2007, 2, 24)],
  ['24 Mar 07 01:00 EST', Date.UTC(2007, 2, 24)],
  ['1 January 99', Date.UTC(1999, 0, 1)],
  ['Thu Jan  1 1970', undefined],
  ['31 Feb 2000', undefined],
  ['', undefined],
] as const) {
  test(`the day written in ${JSON.stringify(field)}`, () => assert.equal(writtenDay(field), day))
}

// ── mailbox names ───────────────────────────────────────────────────────────────────────────────────────────────────────

for (const [name, wire] of [
  ['INBOX', 'INBOX'],
  ['a&b', 'a&-b'],
  ['~peter/mail/台北/日本語', '~peter/mail/&U,BTFw-/&ZeVnLIqe-'],
  ['Entwürfe', 'Entw&APw-rfe'],
  ['😀', '&2D3eAA-'],
] as const) {
  test(`the name ${name} is ${wire} on the wire, and back`, () => {
    assert.equal(encodeUtf7(name), wire)
    assert.equal(decodeUtf7(wire), name)
  })
}

for (const wire of ['&', '&AGE-', '&U,BTFw-&ZeVnLIqe-', '&Jjo', '&Jj-', '&2D0-', 'caf\xe9', '&U,BTFx-', 'a\tb']) {
  test(`no modified UTF-7 is ${JSON.stringify(wire)}`, () => assert.equal(decodeUtf7(wire), undefined))
}

test('INBOX is INBOX in any case, and nothing else changes its case', () => {
  assert.equal(whole(readMailbox, 'inBox'), 'INBOX')
  assert.equal(whole(readMailbox, '"iNbOx/Sub"'), 'INBOX/Sub')
  assert.equal(whole(readMailbox, 'Inboxes'), 'Inboxes')
  assert.equal(whole(readListMailbox, 'a%*]'), 'a%*]')
  assert.equal(writeMailbox('a"b', false), '"a\\"b"')
  assert.equal(refused(readMailbox, '"&x"').expected, 'a mailbox name in modified UTF-7')
})

const UTF8: Features = { can: () => true, enabled: name => name === 'UTF8=ACCEPT' }
const plain = (text: string) => Reader.of(Buffer.from(text), UTF8)

test('who has enabled UTF-8 reads and writes names as they are, `&` and all', () => {
  for (const name of ['Entwürfe', '日本語/😀', '&AGE-', 'R&D']) {
    assert.equal(readMailbox(plain(`"${name}"`)), name)
    assert.equal(writeMailbox(name, true), Buffer.from(`"${name}"`).toString('latin1'))
  }
})

test('a name of UTF-8 in quotes is taken from everybody, one of other octets from nobody', () => {
  assert.equal(whole(readMailbox, Buffer.from('"Entwürfe"').toString('latin1')), 'Entwürfe')
  assert.equal(refused(readMailbox, '"Entw\xfcrfe"').expected, 'a mailbox name in UTF-8')
  assert.throws(() => Reader.of('"Entw\xfcrfe"', UTF8).string(), /UTF-8/)
})

for (const [pattern, name, matches] of [
  ['*', 'a/b/c', true],
  ['%', 'a/b', false],
  ['%', 'a', true],
  ['a/%', 'a/b', true],
  ['a/%', 'a/b/c', false],
  ['a/%/c', 'a/b/c', true],
  ['*b', 'a/b', true],
  ['%b*d', 'abcd', true],
  ['%b', 'a/b', false],
  ['a', 'ab', false],
  ['ab', 'a', false],
  ['', '', true],
  ['%*', 'a/b', true],
  ['*%', 'a/b', true],
  ['😀%', '😀x', true],
] as const) {
  test(`the pattern ${pattern} ${matches ? 'matches' : 'does not match'} ${name}`, () =>
    assert.equal(matchesPattern(pattern, name), matches))
}

for (const pattern of ['a'.repeat(1025), '*a'.repeat(17)]) {
  test(`the pattern ${pattern.slice(0, 20)}… is too much, and passed over`, () =>
    assert.equal(whole(readListMailbox, pattern), undefined))
}

for (const pattern of [`${'*a'.repeat(500)}b`, `*${'%a'.repeat(500)}b`, `${'%a'.repeat(500)}b`]) {
  test(`the hostile pattern ${pattern.slice(0, 8)}… costs no more than pattern times name`, () => {
    const hostile = () => matchesPattern(pattern, 'a'.repeat(5000))
    assert.equal(hostile(), false)
    assert.ok(cpuMs(() => void hostile()) < 1000)
  })
}

// ── flags ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

for (const [text, flags] of [
  ['()', []],
  ['(\\seen \\DELETED $Forwarded)', ['\\Seen', '\\Deleted', '$Forwarded']],
  ['\\Seen foo', ['\\Seen', 'foo']],
  ['(foo FOO \\Seen \\seen)', ['foo', '\\Seen']],
] as const) {
  test(`the flags ${text}`, () => assert.deepEqual(whole(readFlags, text), flags))
}

for (const text of ['(\\Recent)', '(\\Foo)', '(\\)', '(foo', '( foo)', '(a"b)', `(${'k'.repeat(129)})`]) {
  test(`no flags are ${text.slice(0, 20)}`, () => assert.ok(refused(readFlagList, text)))
}

// ── FETCH ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

const section = (item: FetchItem | undefined) => (item?.kind === 'section' ? item : assert.fail('no section'))

for (const [text, label] of [
  ['BODY[]', 'BODY[]'],
  ['body.peek[header]', 'BODY[HEADER]'],
  ['BODY[TEXT]<0.100>', 'BODY[TEXT]<0>'],
  ['BODY[4.1.MIME]', 'BODY[4.1.MIME]'],
  ['BODY.PEEK[4.2.HEADER.FIELDS (Date "From")]<10.20>', 'BODY[4.2.HEADER.FIELDS (Date From)]<10>'],
  ['BODY[HEADER.FIELDS.NOT (X-A)]', 'BODY[HEADER.FIELDS.NOT (X-A)]'],
  ['BODY[1]', 'BODY[1]'],
  ['RFC822', 'RFC822'],
  ['RFC822.HEADER', 'RFC822.HEADER'],
  ['rfc822.text', 'RFC822.TEXT'],
] as const) {
  test(`${text} is answered as ${label}`, () => assert.equal(section(whole(readFetchItems, text)[0]).label, label))
}

test('RFC822.HEADER and PEEK do not set \\Seen, the others do', () => {
  const peeks = (text: string) => section(whole(readFetchItems, text)[0]).peek
  assert.deepEqual(['RFC822.HEADER', 'BODY.PEEK[]', 'RFC822', 'RFC822.TEXT', 'BODY[1]'].map(peeks), [
    true,
    true,
    false,
    false,
    false,
  ])
})

for (const [text, kinds] of [
  ['ALL', 'flags internaldate size envelope'],
  ['fast', 'flags internaldate size'],
  ['FULL', 'flags internaldate size envelope structure'],
  ['(UID BODYSTRUCTURE RFC822.SIZE BODY)', 'uid structure size structure'],
] as const) {
  test(`${text} asks for ${kinds}`, () =>
    assert.equal(
      whole(readFetchItems, text)
        .map(item => item.kind)
        .join(' '),
      kinds,
    ))
}

for (const [text, column] of [
  ['', 1],
  ['(ALL)', 2],
  ['()', 2],
  ['BODY[', 6],
  ['BODY[0]', 6],
  ['BODY[1.]', 8],
  ['BODY[MIME]', 6],
  ['BODY[1.FOO]', 8],
  ['BODY[HEADER.FIELDS]', 19],
  ['BODY[HEADER.FIELDS ()]', 21],
  ['BODY[HEADER.FIELDS (a:b)]', 21],
  ['BODY[]<1>', 9],
  ['BODY[]<0.0>', 10],
  ['BODY.PEEK', 10],
  ['FLAGS FOO', 6],
  [`BODY[${'1.'.repeat(100)}1]`, 134],
] as const) {
  test(`nothing to fetch is ${text.slice(0, 30)}`, () => assert.equal(refused(readFetchItems, text).column, column))
}

// ── SEARCH ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

for (const [text, key] of [
  ['ALL', { kind: 'all' }],
  ['unseen', { kind: 'flag', flag: '\\Seen', set: false }],
  ['KEYWORD foo', { kind: 'flag', flag: 'foo', set: true }],
  ['1:3', { kind: 'sequence', set: [[1, 3]] }],
  ['UID *', { kind: 'uid', set: [['*', '*']] }],
  ['FROM "a b"', { kind: 'address', name: 'FROM', value: 'a b' }],
  ['HEADER X-A ""', { kind: 'header', name: 'X-A', value: '' }],
  ['CHARSET utf-8 SUBJECT {4}\r\n\xc3\xa9\xc3\xa8', { kind: 'header', name: 'SUBJECT', value: 'éè' }],
  ['SENTSINCE 1-Feb-1994', { kind: 'sent', when: 'since', day: Date.UTC(1994, 1, 1) }],
  ['BEFORE 1-Feb-1994', { kind: 'internal', when: 'before', day: Date.UTC(1994, 1, 1) }],
  ['LARGER 5', { kind: 'larger', octets: 5 }],
  ['NOT (DELETED)', { kind: 'not', key: { kind: 'flag', flag: '\\Deleted', set: true } }],
  ['OR ALL (SEEN 1)', { kind: 'or', left: { kind: 'all' }, right: { kind: 'and', keys: [{ kind: 'flag', flag: '\\Seen', set: true }, { kind: 'sequence', set: [[1, 1]] }] } }], // biome-ignore format: a table row
] as const) {
  test(`the search ${JSON.stringify(text)}`, () =>
    assert.deepEqual(whole(readSearch, text), { kind: 'search', key: key as unknown }))
}

test('an unknown charset is no fault of grammar', () => {
  assert.deepEqual(readSearch(Reader.of('CHARSET X-NOWHERE SUBJECT x')), {
    kind: 'unknown-charset',
    charset: 'X-NOWHERE',
  })
})

for (const [text, expected] of [
  ['', 'a search key'],
  ['FOO', 'a search key like ALL, UNSEEN or FROM'],
  ['OR ALL', 'a space'],
  ['(ALL', 'a space or )'],
  ['NOT', 'a space'],
  ['SINCE 1-1-1994', 'a month like Jan'],
  ['LARGER x', 'a size in octets'],
  ['NOT '.repeat(240), 'search keys nested at most 200 deep'],
  [`${'('.repeat(240)}ALL${')'.repeat(240)}`, 'search keys nested at most 200 deep'],
  [`ALL${' ALL'.repeat(600)}`, 'at most 500 search keys'],
] as const) {
  test(`no search is ${JSON.stringify(text.slice(0, 20))}`, () =>
    assert.equal(refused(readSearch, text).expected, expected))
}
