/** What FETCH and SEARCH say of messages: the examples of the RFCs, corner cases, and every message of the real sample. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findPart, type Span, structureOf } from '../../../plugins/imap/structure.js'
import { sharedDir } from '../../harness/shared.js'
import { type Client, type Rig, startRig } from './rig.js'

let rig: Rig
let ann: Client

before(async () => {
  rig = await startRig()
  ann = await rig.client('ann')
})
after(() => rig.end())

const crlf = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n`

async function only(message: string | Buffer): Promise<void> {
  await ann.ok('SELECT INBOX')
  await ann.ok('DELETE one').catch(() => undefined)
  await ann.ok('CREATE one')
  await ann.append('one', message)
  await ann.ok('SELECT one')
}

async function fetched(item: string): Promise<string> {
  const [response] = await ann.ok(`FETCH 1 ${item}`)
  return response!.slice('* 1 FETCH ('.length, -1)
}

// RFC 3501 §8
const SAMPLE = crlf([
  'Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)',
  'From: Terry Gray <gray@cac.washington.edu>',
  'Subject: IMAP4rev1 WG mtg summary and minutes',
  'To: imap@cac.washington.edu',
  'cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>',
  'Message-Id: <B27397-0100000@cac.washington.edu>',
  'MIME-Version: 1.0',
  'Content-Type: TEXT/PLAIN; CHARSET=US-ASCII',
  '',
  'hello',
])

test('the envelope of RFC 3501 §8', async () => {
  await only(SAMPLE)
  assert.equal(
    await fetched('ENVELOPE'),
    'ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes"' +
      ' (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu"))' +
      ' (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu"))' +
      ' ((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL' +
      ' "<B27397-0100000@cac.washington.edu>")',
  )
  assert.equal(await fetched('BODY'), 'BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 7 1)')
})

test('the envelope takes recipients of several fields together, and several words without an address as a name', async () => {
  await only(
    crlf([
      'From: Mail Delivery System',
      'To: a@example.test',
      'To: b@example.test>',
      'Cc: c@example.test',
      'cc: group: d@example.test;',
      'Subject: first',
      'Subject: second',
      '',
      'x',
    ]),
  )
  const from = '(("Mail Delivery System" NIL "" ""))'
  const to = '((NIL NIL "a" "example.test")(NIL NIL "b" "example.test"))'
  const cc = '((NIL NIL "c" "example.test")(NIL NIL "group" NIL)(NIL NIL "d" "example.test")(NIL NIL NIL NIL))'
  assert.equal(await fetched('ENVELOPE'), `ENVELOPE (NIL "first" ${from} ${from} ${from} ${to} ${cc} NIL NIL NIL)`)
})

// RFC 3501 §6.4.5: "a single part … a multipart whose fourth part is a message with a multipart inside"
const NESTED = crlf([
  'From: a@example.test',
  'Subject: outer',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=x; foo="b\\"ar"',
  '',
  'preamble',
  '--x',
  '',
  'one',
  '--x',
  'Content-Type: application/octet-stream; name*0="a"; name*1*=%62',
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename="f.bin"',
  'Content-ID: <id@x>',
  'Content-Description: d',
  '',
  'AAEC',
  '--x',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  'From: "B" <b@example.test>',
  'Content-Type: multipart/alternative; boundary=y',
  '',
  '--y',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Language: de, en',
  '',
  'plain',
  '--y',
  'Content-Type: text/html',
  '',
  '<p>html</p>',
  '--y--',
  '--x--',
  'epilogue',
])

test('the structure of nested parts, with and without extension data', async () => {
  await only(NESTED)
  const inner = NESTED.indexOf('\r\n--x--') - NESTED.indexOf('Subject: inner')
  const envelope =
    '(NIL "inner" (("B" NIL "b" "example.test")) (("B" NIL "b" "example.test")) (("B" NIL "b" "example.test")) NIL NIL NIL NIL NIL)'
  const basic = '"APPLICATION" "OCTET-STREAM" ("NAME*0" "a" "NAME*1*" "%62") "<id@x>" "d" "BASE64" 4'
  assert.equal(
    await fetched('BODY'),
    'BODY (("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 3 1)' +
      `(${basic})("MESSAGE" "RFC822" NIL NIL NIL "7BIT" ${inner} ${envelope}` +
      ' (("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" 5 1)("TEXT" "HTML" NIL NIL NIL "7BIT" 11 1) "ALTERNATIVE") 14) "MIXED")',
  )
  const extended = await fetched('BODYSTRUCTURE')
  assert.ok(extended.includes(`(${basic} NIL ("ATTACHMENT" ("FILENAME" "f.bin")) NIL NIL)`))
  assert.ok(extended.includes('"7BIT" 5 1 NIL NIL ("de" "en") NIL)'))
  assert.ok(extended.endsWith(' "MIXED" ("BOUNDARY" "x" "FOO" "b\\"ar") NIL NIL NIL)'))
})

for (const [item, expected] of [
  ['BODY.PEEK[1]', 'BODY[1] {3}\r\none'],
  ['BODY.PEEK[1.MIME]', 'BODY[1.MIME] {2}\r\n\r\n'],
  ['BODY.PEEK[2]', 'BODY[2] {4}\r\nAAEC'],
  ['BODY.PEEK[3.1]', 'BODY[3.1] {5}\r\nplain'],
  ['BODY.PEEK[3.2]', 'BODY[3.2] {11}\r\n<p>html</p>'],
  ['BODY.PEEK[3.2.MIME]', 'BODY[3.2.MIME] {27}\r\nContent-Type: text/html\r\n\r\n'],
  ['BODY.PEEK[3.HEADER.FIELDS (subject)]', 'BODY[3.HEADER.FIELDS (subject)] {18}\r\nSubject: inner\r\n\r\n'],
  [
    'BODY.PEEK[3.HEADER.FIELDS.NOT (from content-type)]',
    'BODY[3.HEADER.FIELDS.NOT (from content-type)] {18}\r\nSubject: inner\r\n\r\n',
  ],
  ['BODY.PEEK[HEADER.FIELDS (SUBJECT X)]', 'BODY[HEADER.FIELDS (SUBJECT X)] {18}\r\nSubject: outer\r\n\r\n'],
  ['BODY.PEEK[HEADER.FIELDS (X)]', 'BODY[HEADER.FIELDS (X)] {2}\r\n\r\n'],
  ['BODY.PEEK[TEXT]<0.8>', 'BODY[TEXT]<0> {8}\r\npreamble'],
  ['BODY.PEEK[1]<1.100>', 'BODY[1]<1> {2}\r\nne'],
  ['BODY.PEEK[1]<3.1>', 'BODY[1]<3> {0}\r\n'],
  ['BODY.PEEK[]<4294967295.1>', 'BODY[]<4294967295> {0}\r\n'],
  ['BODY.PEEK[4]', 'BODY[4] NIL'],
  ['BODY.PEEK[1.1]', 'BODY[1.1] NIL'],
  ['BODY.PEEK[1.HEADER]', 'BODY[1.HEADER] NIL'],
  ['BODY.PEEK[3.3.TEXT]', 'BODY[3.3.TEXT] NIL'],
] as const) {
  test(`${item} of nested parts`, async () => {
    await only(NESTED)
    assert.equal(await fetched(item), expected)
  })
}

test('part 1 of a message that is no multipart is its text', async () => {
  await only(SAMPLE)
  assert.equal(await fetched('BODY.PEEK[1]'), 'BODY[1] {7}\r\nhello\r\n')
  assert.equal(await fetched('BODY.PEEK[2]'), 'BODY[2] NIL')
  assert.equal(await fetched('BODY.PEEK[1.1]'), 'BODY[1.1] NIL')
})

test('\\Seen is set by looking, and told with the message; PEEK and RFC822.HEADER only look', async () => {
  await only(SAMPLE)
  assert.ok(!(await fetched('(RFC822.HEADER BODY.PEEK[TEXT])')).includes('FLAGS'))
  assert.equal(await fetched('BODY[TEXT]<0.1>'), 'BODY[TEXT]<0> {1}\r\nh FLAGS (\\Recent \\Seen)')
  assert.equal(await fetched('RFC822.TEXT'), 'RFC822.TEXT {7}\r\nhello\r\n')
})

for (const [what, message, header] of [
  ['a message without an empty line', 'Subject: x\r\n', 'Subject: x\r\n'],
  ['a message of one line that does not end', 'Subject: x', 'Subject: x'],
  ['a message without header fields', '\r\nbody\r\n', '\r\n'],
  ['a message with bare line feeds', 'A: b\nC: d\n\nbody\n', 'A: b\nC: d\n\n'],
] as const) {
  test(`${what} comes apart and together`, async () => {
    await only(message)
    assert.equal(await fetched('BODY.PEEK[HEADER]'), `BODY[HEADER] {${header.length}}\r\n${header}`)
    const text = message.slice(header.length)
    assert.equal(await fetched('BODY.PEEK[TEXT]'), `BODY[TEXT] {${text.length}}\r\n${text}`)
    assert.equal(await fetched('BODY.PEEK[]'), `BODY[] {${message.length}}\r\n${message}`)
    assert.ok((await fetched('(ENVELOPE BODYSTRUCTURE)')).startsWith('ENVELOPE ('))
  })
}

test('a multipart without parts is told with one empty part', async () => {
  await only('Content-Type: multipart/mixed; boundary=x\r\n\r\nnothing\r\n')
  assert.equal(await fetched('BODY'), 'BODY (("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 0 0) "MIXED")')
  assert.equal(await fetched('BODY.PEEK[1]'), 'BODY[1] {0}\r\n')
})

test('a header larger than what is read at first is found whole', async () => {
  const header = `${Array.from({ length: 3000 }, (_, i) => `X-${i}: ${'v'.repeat(60)}`).join('\r\n')}\r\nSubject: late\r\n\r\n`
  await only(`${header}body`)
  assert.equal(await fetched('RFC822.HEADER'), `RFC822.HEADER {${header.length}}\r\n${header}`)
  const late = 'Subject: late\r\n\r\n'
  const found = await fetched('BODY.PEEK[HEADER.FIELDS (SUBJECT)]')
  assert.equal(found, `BODY[HEADER.FIELDS (SUBJECT)] {${late.length}}\r\n${late}`)
})

test('a large message comes back whole, and parts of it from where they lie', async () => {
  const body = Buffer.alloc(
    5 * 1024 * 1024,
    'abcdefghijklmnopqrstuvwxyz012345678901234567890123456789012345678901234567890\r\n',
  )
  await only(Buffer.concat([Buffer.from('Subject: big\r\n\r\n'), body]))
  assert.equal(await fetched('RFC822.SIZE'), `RFC822.SIZE ${body.length + 16}`)
  const text = await fetched('BODY.PEEK[TEXT]')
  assert.ok(text === `BODY[TEXT] {${body.length}}\r\n${body.toString('latin1')}`)
  assert.equal(
    await fetched('BODY.PEEK[TEXT]<4000000.20>'),
    `BODY[TEXT]<4000000> {20}\r\n${body.toString('latin1', 4000000, 4000020)}`,
  )
  assert.equal(
    await fetched('BODY.PEEK[1]<4000000.20>'),
    `BODY[1]<4000000> {20}\r\n${body.toString('latin1', 4000000, 4000020)}`,
  )
})

test('flags and UIDs are told without reading any body, sizes and dates too', async () => {
  await only(SAMPLE)
  const { mail } = rig.store
  const info = await mail.find('id-ann', 'one')
  const prototype = Object.getPrototypeOf(await mail.open('id-ann', info!.id)) as { read: () => Promise<Buffer> }
  const { read } = prototype
  prototype.read = () => assert.fail('a body was read')
  try {
    await fetched('(UID FLAGS)')
    await fetched('FAST')
    await ann.ok('SEARCH UNSEEN LARGER 1 SINCE 1-Jan-2000 NOT KEYWORD x')
  } finally {
    prototype.read = read
  }
})

// ── SEARCH ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const SEARCHED = [
  crlf(['From: =?utf-8?q?J=C3=BCrgen?= <j@example.test>', 'Subject: =?iso-8859-1?Q?Gr=FC=DFe?=', 'Date: 1 Feb 2020 23:30:00 -0800', 'X-A: one', '', 'needle in plain']),
  crlf(['To: b@example.test', 'Date: 2 Feb 2020 01:00:00 +0000', 'Content-Type: text/html; charset=utf-8', 'Content-Transfer-Encoding: base64', '', Buffer.from('<p>nee<b>dle</b> &amp; Ärger</p>').toString('base64')]),
  crlf(['Cc: c@example.test', 'Content-Type: multipart/mixed; boundary=b', '', '--b', 'Content-Type: message/rfc822', '', 'Subject: inside', '', 'deep needle', '--b', 'Content-Type: application/x', '', 'attached', '--b--']),
] // biome-ignore format: messages in a line each

for (const [keys, found] of [
  ['ALL', '1 2 3'],
  ['FROM jürgen', '1'],
  ['SUBJECT "GRÜSSE"', ''],
  ['SUBJECT "grüße"', '1'],
  ['HEADER X-A ""', '1'],
  ['HEADER X-A two', ''],
  ['TO b@', '2'],
  ['CC EXAMPLE', '3'],
  ['BCC x', ''],
  ['BODY needle', '1 2 3'],
  ['BODY "& ärger"', '2'],
  ['BODY attached', ''],
  ['TEXT jürgen', '1'],
  ['TEXT inside', '3'],
  ['BODY inside', '3'],
  ['SENTON 1-Feb-2020', '1'],
  ['SENTSINCE 2-Feb-2020', '2'],
  ['SENTBEFORE 1-Mar-2020', '1 2'],
  ['NOT SENTBEFORE 1-Mar-2020', '3'],
  ['OR FROM jürgen TO b@', '1 2'],
  ['BODY needle NOT FROM j', '2 3'],
  ['OLD UNSEEN', '1 2 3'],
  ['RECENT', ''],
  ['2:* UID 1:2', '2'],
  ['(OR SEEN (2 TEXT needle)) UNDELETED', '2'],
  ['BEFORE 1-Jan-1990', ''],
  ['SMALLER 1', ''],
] as const) {
  test(`SEARCH ${keys} finds ${found || 'nothing'}`, async () => {
    if (!(await rig.store.mail.find('id-ann', 'searched'))) {
      await ann.ok('CREATE searched')
      for (const message of SEARCHED) await ann.append('searched', message)
    }
    await ann.ok('SELECT searched')
    // Text above ASCII goes as a literal, as real clients send it.
    const octets = Buffer.from(keys).toString('latin1')
    const sent = octets.replace(/"[^"]*[\x80-\xff][^"]*"|\S*[\x80-\xff]\S*/g, word => {
      const bare = word.replaceAll('"', '')
      return `{${bare.length}+}\r\n${bare}`
    })
    assert.deepEqual(await ann.ok(`SEARCH CHARSET UTF-8 ${sent}`), [`* SEARCH${found && ` ${found}`}`])
  })
}

test('an unknown charset is told, a number beyond the mailbox names nothing in SEARCH and is BAD in FETCH', async () => {
  await only(SAMPLE)
  assert.match(await ann.answer('SEARCH CHARSET X-NOWHERE SUBJECT x'), /^NO \[BADCHARSET \(US-ASCII UTF-8 /)
  assert.deepEqual(await ann.ok('SEARCH OR 7 NOT (7)'), ['* SEARCH 1'])
  assert.match(await ann.answer('FETCH 1:5 UID'), /^BAD There is no message 5/)
})

// ── real mail ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const folder = sharedDir() && join(sharedDir()!, 'data/mail-sample')

test('every message of the sample comes back octet for octet, whole and in parts', {
  skip: !folder && 'no shared folder',
}, async () => {
  const files = readdirSync(folder!).filter(name => name.endsWith('.eml'))
  await ann.ok('CREATE sample')
  const messages = files.map(name => readFileSync(join(folder!, name)))
  for (const message of messages) await ann.append('sample', message)
  await ann.ok('SELECT sample')
  const described = await ann.ok('FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)', 30_000)
  assert.equal(described.length, messages.length)
  const bodies = await ann.ok('FETCH 1:* (BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT])', 30_000)
  for (const [index, message] of messages.entries()) {
    const text = message.toString('latin1')
    const whole = `* ${index + 1} FETCH (BODY[] {${text.length}}\r\n${text} BODY[HEADER] {`
    assert.ok(bodies[index]!.startsWith(whole), `${files[index]} came back otherwise`)
    const header = Number(/^(\d+)\}/.exec(bodies[index]!.slice(whole.length))![1])
    assert.ok(bodies[index]!.endsWith(` BODY[TEXT] {${text.length - header}}\r\n${text.slice(header)})`))
  }
})

test('the parts of every message of the sample lie within it and do not overlap', {
  skip: !folder && 'no shared folder',
}, () => {
  for (const name of readdirSync(folder!).filter(name => name.endsWith('.eml'))) {
    const bytes = readFileSync(join(folder!, name))
    const { root } = structureOf(bytes)
    assert.equal(root.end, bytes.length, name)
    checkSpan(root, name)
    assert.ok(findPart(root, [1]), name)
  }
})

function checkSpan(span: Span, name: string): void {
  assert.ok(span.headerStart <= span.bodyStart && span.bodyStart <= span.end, name)
  let at = span.bodyStart
  for (const child of span.message ? [span.message] : span.children) {
    assert.ok(child.headerStart >= at && child.end <= span.end, name)
    at = child.end
    checkSpan(child, name)
  }
}
