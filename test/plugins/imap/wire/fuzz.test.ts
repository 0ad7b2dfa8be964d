/** Whatever octets come, a reader takes them or throws its own error, in bounded time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeUtf7, encodeUtf7 } from '../../../../core/text/utf7.js'
import { COMMANDS } from '../../../../plugins/imap/commands/index.js'
import { readHead } from '../../../../plugins/imap/receive.js'
import { structureOf } from '../../../../plugins/imap/structure.js'
import type { Features } from '../../../../plugins/imap/wire/features.js'
import { canonicalName, matchesPattern } from '../../../../plugins/imap/wire/mailbox.js'
import { frameOf, ReadError, Reader } from '../../../../plugins/imap/wire/reader.js'

const TOKENS = [
  ' ', '(', ')', '"', '\\', '[', ']', '<0.1>', '{1}\r\n', '{3+}\r\n', '{0}\r\n', '\r\n', '*', '%', '1:*', '1,2', '0', '4294967296', 'NIL',
  '\\Seen', 'foo', '"a b"', '"\xe9"', 'ALL', 'NOT ', 'OR ', 'UID ', 'FROM ', 'HEADER ', 'SINCE 1-Feb-1994', 'CHARSET UTF-8 ', 'BODY[',
  'BODY.PEEK[1.2.HEADER.FIELDS (', 'RFC822', 'FLAGS', '+FLAGS.SILENT ', '" 1-Jan-2000 00:00:00 +0000"', 'INBOX', '&AOQ-', '&', '=', 'PLAIN ',
  '~{3+}\r\n', 'RETURN (', 'STATUS (MESSAGES SIZE)', 'SUBSCRIBED', 'RECURSIVEMATCH ', 'REMOTE', 'BINARY.PEEK[', 'BINARY.SIZE[1.2]', 'USE (\\Sent', 'UTF8 (',
  'STORAGE 5', 'DEFLATE', '(CONDSTORE)', '(QRESYNC (1 2', ' 1:9 (1,3:4 2,5:6)', '(CHANGEDSINCE 3', 'VANISHED', '(UNCHANGEDSINCE 4) ', 'MODSEQ', '9223372036854775808',
] // biome-ignore format: a list of words

const wordy = fc
  .array(fc.constantFrom(...TOKENS), { maxLength: 30 })
  .map(words => Buffer.from(words.join(''), 'latin1'))
const noise = fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes))
const octets = fc.oneof(wordy, wordy, noise)

/** With everything enabled more is read than without. */
const EVERYTHING: Features = { can: () => true, enabled: () => true }

function readsOrRefuses(read: (input: Reader) => unknown, bytes: Buffer, features?: Features): void {
  const input = Reader.of(bytes, features)
  try {
    read(input)
    input.end()
  } catch (error) {
    if (!(error instanceof ReadError)) throw error
    assert.ok(error.column >= 1)
  }
}

for (const command of COMMANDS) {
  test(`${command.name} reads any octets or refuses them`, () => {
    fc.assert(
      fc.property(octets, fc.boolean(), fc.boolean(), (bytes, spaced, enabled) => {
        const all = spaced ? Buffer.concat([Buffer.from(' '), bytes]) : bytes
        readsOrRefuses(input => command.read(input), all, enabled ? EVERYTHING : undefined)
      }),
      { numRuns: 400 },
    )
  })
}

test('tag and command name are read from any octets or refused', () => {
  fc.assert(fc.property(octets, bytes => readsOrRefuses(readHead, bytes)))
})

test('a frame holds every octet but the line ends', () => {
  fc.assert(
    fc.property(octets, bytes => {
      const { lines, literals } = frameOf(bytes)
      assert.equal(lines.length, literals.length + 1)
      const held =
        lines.join('').length + literals.reduce((sum, one) => sum + (one.kind === 'bytes' ? one.bytes.length : 0), 0)
      assert.ok(held <= bytes.length)
    }),
  )
})

test('every name survives the wire, and has one spelling there', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), name => {
      fc.pre(!/\p{Cs}/u.test(name))
      assert.equal(decodeUtf7(encodeUtf7(name)), name)
    }),
  )
  fc.assert(
    fc.property(wordy, bytes => {
      const wire = bytes.toString('latin1')
      const name = decodeUtf7(wire)
      if (name !== undefined) assert.equal(encodeUtf7(name), wire)
    }),
  )
})

test('a pattern matches as a regular expression would', () => {
  const parts = fc.array(fc.constantFrom('a', 'b', '/', '*', '%'), { maxLength: 10 }).map(all => all.join(''))
  const names = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 10 }).map(all => all.join(''))
  fc.assert(
    fc.property(parts, names, (pattern, name) => {
      const regex = new RegExp(`^${pattern.replace(/[*%]/g, wild => (wild === '*' ? '.*' : '[^/]*'))}$`)
      assert.equal(matchesPattern(pattern, name), regex.test(name))
      assert.equal(canonicalName(name), name)
    }),
  )
})

test('every message has a structure that can be told', () => {
  const line = fc.constantFrom(
    'Content-Type: multipart/mixed; boundary=a', 'Content-Type: message/rfc822', 'Content-Type: text/html; x="\xff', '--a', '--a--', '', '', 'To: a, b:c;, <d@e',
    'Content-Disposition: attachment; filename*=utf-8\'\'%e2', 'Content-Transfer-Encoding: base64', 'Content-Language: de, en', '\0',
  ) // biome-ignore format: a list of lines
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), lines => {
      const bytes = Buffer.from(lines.join('\r\n'), 'latin1')
      const { body, extended, root } = structureOf(bytes)
      for (const text of [body, extended]) assertBalanced(text)
      assert.ok(root.end <= bytes.length)
    }),
    { numRuns: 500 },
  )
})

/** Reads a parenthesised list as a client does. */
function assertBalanced(text: string): void {
  const input = new Reader(frameOf(Buffer.from(text, 'latin1')))
  let depth = 0
  while (!input.atEnd) {
    if (input.take('(') !== undefined) depth += 1
    else if (input.take(')') !== undefined) depth -= 1
    else if (input.take(' ') === undefined && input.take(/NIL|[0-9]+/y) === undefined) input.string()
    assert.ok(depth >= 0)
  }
  assert.equal(depth, 0)
}
