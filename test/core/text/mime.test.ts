import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeCharset, decodeTransfer, type MimePart, scanMime } from '../../../core/text/index.js'
import { cpuMs } from '../../harness/cpu.js'
import { sharedDir } from '../../harness/shared.js'

/** `path type/subtype lines "body"`, one per part. */
function outline(bytes: Buffer, part: MimePart, out: string[] = []): string[] {
  const leaf = part.children.length === 0 && part.message === undefined
  const body = leaf ? ` ${JSON.stringify(bytes.toString('utf8', part.start, part.end))}` : ''
  out.push(`${part.path} ${part.type}/${part.subtype} ${part.lines}${body}`)
  for (const child of part.children) outline(bytes, child, out)
  if (part.message !== undefined) outline(bytes, part.message, out)
  return out
}

function lines(...text: string[]): Buffer {
  return Buffer.from(text.join('\r\n'))
}

const MULTI = 'Content-Type: multipart/mixed; boundary='

for (const [what, bytes, expected] of [
  ['a plain message', lines('A: b', '', 'one', 'two', ''), [' text/plain 2 "one\\r\\ntwo\\r\\n"']],
  ['an open last line', lines('A: b', '', 'one', 'two'), [' text/plain 2 "one\\r\\ntwo"']],
  ['an empty body', lines('A: b', '', ''), [' text/plain 0 ""']],
  ['no header end', lines('Content-Type: text/html'), [' text/html 0 ""']],
  [
    'two parts between preamble and epilogue',
    lines(
      `${MULTI}b`,
      '',
      'pre',
      '--b',
      '',
      'one',
      '--b',
      'Content-Type: text/html',
      '',
      'two',
      '',
      '--b--',
      'epi',
      '',
    ),
    [' multipart/mixed 11', '1 text/plain 1 "one"', '2 text/html 1 "two\\r\\n"'],
  ],
  [
    'an empty part and one without a blank line',
    lines(`${MULTI}b`, '', '--b', '', '--b', 'X: y', '--b--'),
    [' multipart/mixed 5', '1 text/plain 0 ""', '2 text/plain 0 ""'],
  ],
  ['bare line feeds', Buffer.from(`${MULTI}b\n\n--b\n\none\n--b--\n`), [' multipart/mixed 4', '1 text/plain 1 "one"']],
  [
    'nested multiparts of which one boundary begins like the other',
    lines(`${MULTI}b`, '', '--b', `${MULTI}bb`, '', '--bb', '', 'in', '--bb--', '--b', '', 'out', '--b--', ''),
    [' multipart/mixed 11', '1 multipart/mixed 4', '1.1 text/plain 1 "in"', '2 text/plain 1 "out"'],
  ],
  [
    'an inner multipart the outer one ends',
    lines(`${MULTI}b`, '', '--b', `${MULTI}c`, '', '--c', '', 'in', '--b', '', 'out', '--b--', ''),
    [' multipart/mixed 10', '1 multipart/mixed 3', '1.1 text/plain 1 "in"', '2 text/plain 1 "out"'],
  ],
  [
    'a message inside',
    lines(`${MULTI}b`, '', '--b', 'Content-Type: message/rfc822', '', 'Subject: in', '', 'hi', '--b--', ''),
    [' multipart/mixed 7', '1 message/rfc822 3', '1 text/plain 1 "hi"'],
  ],
  [
    'a multipart message inside a message',
    lines('Content-Type: message/rfc822', '', `${MULTI}b`, '', '--b', '', 'x', '--b--'),
    [' message/rfc822 6', '1 multipart/mixed 4', '1.1 text/plain 1 "x"'],
  ],
  [
    'a digest',
    lines('Content-Type: multipart/digest; boundary=b', '', '--b', '', 'Subject: s', '', 'x', '--b--', ''),
    [' multipart/digest 6', '1 message/rfc822 3', '1 text/plain 1 "x"'],
  ],
  [
    'an encoded message inside, which stays closed',
    lines('Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', '', 'QQ==', ''),
    [' message/rfc822 1 "QQ==\\r\\n"'],
  ],
  [
    'a multipart without a boundary',
    lines('Content-Type: multipart/mixed', '', '--', ''),
    [' multipart/mixed 1 "--\\r\\n"'],
  ],
  ['a boundary that never comes', lines(`${MULTI}b`, '', 'x', ''), [' multipart/mixed 1 "x\\r\\n"']],
  ['a missing end', lines(`${MULTI}b`, '', '--b', '', 'x', ''), [' multipart/mixed 3', '1 text/plain 1 "x\\r\\n"']],
  [
    'white space behind the delimiter',
    lines(`${MULTI}b`, '', '--b  ', '', 'x', '--b-- ', ''),
    [' multipart/mixed 4', '1 text/plain 1 "x"'],
  ],
  ['a type that is none', lines('Content-Type: nonsense', '', 'x'), [' text/plain 1 "x"']],
] as const) {
  test(`the parts of ${what} are found`, () => {
    assert.deepEqual(outline(bytes, scanMime(bytes).root), expected)
  })
}

test('a part says all its Content fields', () => {
  const bytes = lines(
    'Content-Type: TEXT/Plain; charset="utf-8"',
    'Content-ID: <1@x>',
    'Content-Description: a file',
    'Content-Transfer-Encoding: Quoted-Printable',
    'Content-MD5: abc',
    "Content-Disposition: ATTACHMENT; filename*=utf-8''%C3%A4",
    'Content-Language: de, en',
    'Content-Location: http://x/',
    '',
    'x',
  )
  const { root } = scanMime(bytes)
  const { id, description, encoding, md5, disposition, language, location, params } = root
  assert.deepEqual(
    { id, description, encoding, md5, language, location, params: [...params], value: disposition?.value },
    {
      id: '<1@x>',
      description: 'a file',
      encoding: 'quoted-printable',
      md5: 'abc',
      language: ['de', 'en'],
      location: 'http://x/',
      params: [['charset', 'utf-8']],
      value: 'attachment',
    },
  )
  assert.equal(disposition?.params.get('filename'), 'ä')
})

function deep(levels: number, level: (i: number) => string): string {
  return Array.from({ length: levels }, (_, i) => level(i)).join('')
}

for (const [what, text, complaint] of [
  [
    'a hundred thousand parts',
    `${MULTI}b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(100_000)}--b--\r\n`,
    /more than 1000 parts/,
  ],
  ['five thousand levels', deep(5000, i => `${MULTI}b${i}\r\n\r\n--b${i}\r\n`), /nested deeper/],
  ['five thousand levels of one boundary', deep(5000, () => `${MULTI}b\r\n\r\n--b\r\n`), /nested deeper/],
  ['messages in messages', 'Content-Type: message/rfc822\r\n\r\n'.repeat(50_000), /nested deeper/],
  ['an endless header', 'a: b\r\n'.repeat(500_000), /no end/],
  ['an endless field', `a: ${'b\r\n '.repeat(500_000)}`, /no end/],
  ['endless headers of parts', `${MULTI}b\r\n\r\n${`--b\r\n${'a:b\r\n'.repeat(900)}\r\n`.repeat(500)}`, /too many/],
  ['endless dashes', `${MULTI}b\r\n\r\n${'--\r\n'.repeat(1_000_000)}`, /no end/],
  [
    'lines that almost are delimiters of many lengths',
    `${deep(90, i => `${MULTI}${'b'.repeat(i + 1)}x\r\n\r\n--${'b'.repeat(i + 1)}x\r\n`)}\r\n${`--${'b'.repeat(95)}\r\n`.repeat(20_000)}`,
    /no end/,
  ],
  [
    'endless boundary parameters',
    `Content-Type: multipart/mixed; ${'boundary*0=b;'.repeat(50_000)}\r\n\r\n`,
    /no boundary|no end/,
  ],
] as const) {
  test(`${what} cost no more than their octets`, () => {
    const bytes = Buffer.from(text)
    const ms = cpuMs(() => void scanMime(bytes))
    assert.ok(ms < 1500, `${ms} ms`)
    const { root, broken } = scanMime(bytes)
    assert.match(broken.join('; '), complaint)
    assert.equal(root.end, bytes.length)
  })
}

function check(part: MimePart, from: number, to: number): void {
  assert.ok(from <= part.headerStart && part.headerStart <= part.headerEnd, 'header in order')
  assert.ok(part.start === part.headerEnd && part.start <= part.end && part.end <= to, `body in order`)
  assert.ok(part.lines >= 0)
  let at = part.start
  for (const child of part.children) {
    check(child, at, part.end)
    at = child.end
  }
  if (part.message !== undefined) check(part.message, part.start, part.end)
}

test('parts lie inside their parents, in order, whatever the input', () => {
  const piece = fc.constantFrom(
    `${MULTI}b`,
    `${MULTI}c`,
    'Content-Type: message/rfc822',
    'Content-Type: multipart/digest; boundary=b',
    'A: b',
    '--b',
    '--c',
    '--b--',
    '--c--',
    '',
    '',
    'text',
    '--',
  )
  const newline = fc.constantFrom('\r\n', '\n', '\r')
  fc.assert(
    fc.property(fc.array(fc.tuple(piece, newline), { maxLength: 40 }), pieces => {
      const bytes = Buffer.from(pieces.flat().join(''))
      check(scanMime(bytes).root, 0, bytes.length)
      check(scanMime(bytes, { depth: 3, parts: 4 }).root, 0, bytes.length)
    }),
    { numRuns: 500 },
  )
})

const shared = sharedDir()
test('every message of the sample has parts in order', {
  skip: shared === undefined && 'no shared material here',
}, () => {
  const folder = join(shared!, 'data', 'mail-sample')
  for (const file of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, file))
    check(scanMime(bytes).root, 0, bytes.length)
  }
})

for (const [encoding, text, decoded] of [
  ['base64', 'aGVsbG8=', 'hello'],
  ['BASE64', 'aGVs\r\nbG8', 'hello'],
  ['base64', 'aGk=aGk=', 'hihi'],
  ['base64', '!a#G$k', 'hi'],
  ['quoted-printable', 'a=20b=\r\nc=C3=A4', 'a bcä'],
  ['quoted-printable', 'a=  \r\nb=c3=a4', 'abä'],
  ['quoted-printable', 'a=zz = =', 'a=zz = '],
  ['quoted-printable', 'a \t\r\n\t b  \n \r\nc  ', 'a\r\n\t b\n\r\nc  '],
  ['quoted-printable', 'a=20 \r\nb \t=09\r\nc =\r\n  \r\nd=20=0D \r\n', 'a \r\nb \t\t\r\nc \r\nd \r\r\n'],
  ['7bit', 'a=20', 'a=20'],
  ['x-strange', 'a=20', 'a=20'],
] as const) {
  test(`${encoding} ${JSON.stringify(text)} decodes to ${JSON.stringify(decoded)}`, () => {
    assert.equal(decodeTransfer(Buffer.from(text), encoding).toString(), decoded)
  })
}

test('base64 of any octets comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), octets => {
      const encoded = Buffer.from(octets).toString('base64').replace(/.{7}/g, '$&\r\n')
      assert.deepEqual(decodeTransfer(Buffer.from(encoded), 'base64'), Buffer.from(octets))
    }),
  )
})

test('no charset name and no octets make decoding throw', () => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      fc.oneof(fc.string(), fc.constantFrom('utf-16', 'hz-gb-2312', 'utf-7', 'x')),
      (octets, name) => {
        assert.equal(typeof decodeCharset(Buffer.from(octets), name), 'string')
      },
    ),
  )
})

for (const [charset, octets, text] of [
  ['windows-1252', [0x80, 0xe4, 0x81], '€ä\u0081'],
  ['iso-8859-1', [0x93, 0xe4, 0x94], '“ä”'],
  ['ISO8859-15', [0xa4], '€'],
  ['us-ascii', [0xc3, 0xa4], 'ä'],
  ['us-ascii', [0xe4], 'ä'],
  ['utf-8', [0xe4, 0x41], '\ufffdA'],
  ['cp1251', [0xcf], 'П'],
  ['shift_jis', [0x83, 0x65], 'テ'],
  ['"utf-8"', [0xc3, 0xa4], 'ä'],
] as const) {
  test(`${charset} octets ${octets.map(octet => octet.toString(16)).join(' ')} read ${text}`, () => {
    assert.equal(decodeCharset(Buffer.from(octets), charset), text)
  })
}
