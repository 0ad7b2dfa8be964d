/** The end of data: CRLF "." CRLF and nothing else, however the octets are cut into chunks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type BareNewline, DataScanner } from '../../../core/smtp/data-scanner.js'

interface Outcome {
  readonly message: string
  readonly rest: string
  readonly ended: boolean
  readonly bare: string | undefined
  readonly size: number
  readonly longestLine: number
  readonly headerBytes: number | undefined
}

function scan(chunks: readonly Buffer[], policy: BareNewline): Outcome {
  const scanner = new DataScanner(policy)
  let message = ''
  let rest = ''
  let ended = false
  for (const chunk of chunks) {
    if (ended) {
      rest += chunk.toString('latin1')
      continue
    }
    const before = Buffer.from(chunk)
    const { part, end } = scanner.push(chunk)
    assert.deepEqual(chunk, before, 'the chunk was changed')
    message += part.toString('latin1')
    if (end >= 0) {
      ended = true
      rest = chunk.subarray(end).toString('latin1')
    }
  }
  const { bareCr, bareLf, size, longestLine, headerBytes } = scanner
  const bare = bareLf ? 'LF' : bareCr ? 'CR' : undefined
  return { message, rest, ended, bare, size, longestLine, headerBytes }
}

/** The rule written down once more, slowly: octets between CRLFs, on the whole text. */
function bySlowRule(text: string): { message: string; rest: string; ended: boolean } {
  const lines = text.split('\r\n')
  let message = ''
  for (const [i, line] of lines.slice(0, -1).entries()) {
    if (line === '.') return { message, rest: lines.slice(i + 1).join('\r\n'), ended: true }
    message += `${line.startsWith('.') ? line.slice(1) : line}\r\n`
  }
  const last = lines.at(-1)!
  return { message: message + (last.startsWith('.') ? last.slice(1) : last), rest: '', ended: false }
}

function splits(text: string): readonly (readonly Buffer[])[] {
  const octets = Buffer.from(text, 'latin1')
  const all: Buffer[][] = [[octets], [...octets].map(octet => Buffer.from([octet]))]
  for (let at = 1; at < octets.length; at++) all.push([octets.subarray(0, at), octets.subarray(at)])
  return all
}

const ENDINGS: readonly (readonly [stream: string, message: string, rest: string, bare?: 'CR' | 'LF'])[] = [
  ['.\r\n', '', ''],
  ['\r\n.\r\n', '\r\n', ''],
  ['a\r\n.\r\nNOOP\r\n', 'a\r\n', 'NOOP\r\n'],
  ['..\r\n.\r\n', '.\r\n', ''],
  ['.a\r\n.\r\n', 'a\r\n', ''],
  ['...\r\n..\r\n.\r\n', '..\r\n.\r\n', ''],
  ['a\r\n..\r\n.\r\n', 'a\r\n.\r\n', ''],
  // Each of these ends the data for some server that was sold as safe.
  ['a\n.\r\nb\r\n.\r\n', 'a\n.\r\nb\r\n', '', 'LF'],
  ['a\r\n.\nb\r\n.\r\n', 'a\r\n\nb\r\n', '', 'LF'],
  ['a\n.\nb\r\n.\r\n', 'a\n.\nb\r\n', '', 'LF'],
  ['a\r.\rb\r\n.\r\n', 'a\r.\rb\r\n', '', 'CR'],
  ['a\r\n.\rb\r\n.\r\n', 'a\r\n\rb\r\n', '', 'CR'],
  ['a\r.\r\nb\r\n.\r\n', 'a\r.\r\nb\r\n', '', 'CR'],
  ['a\r\n.\r\r\nb\r\n.\r\n', 'a\r\n\r\r\nb\r\n', '', 'CR'],
  ['a\r\r\n.\r\n', 'a\r\r\n', '', 'CR'],
  ['a\n..\r\n.\r\n', 'a\n..\r\n', '', 'LF'],
  ['a\0\r\n.\0\r\n.\r\n', 'a\0\r\n\0\r\n', ''],
]

for (const [stream, message, rest, bare] of ENDINGS) {
  test(`${JSON.stringify(stream)} holds ${JSON.stringify(message)}, in whatever pieces it comes`, () => {
    for (const chunks of splits(stream)) {
      const outcome = scan(chunks, 'refuse')
      assert.deepEqual(
        { message: outcome.message, rest: outcome.rest, ended: outcome.ended, bare: outcome.bare, size: outcome.size },
        { message, rest, ended: true, bare, size: message.length },
      )
    }
  })
}

for (const [stream, message] of [
  ['a\nb\r\n.\r\n', 'a\r\nb\r\n'],
  ['a\rb\r\n.\r\n', 'a\r\nb\r\n'],
  ['a\n.\r\n\r\n.\r\n', 'a\r\n.\r\n\r\n'],
  ['a\r\r\n.\r\n', 'a\r\n\r\n'],
  ['.\rb\r\n.\r\n', '\r\nb\r\n'],
  ['\n\n\r\n.\r\n', '\r\n\r\n\r\n'],
] as const) {
  test(`normalised, ${JSON.stringify(stream)} becomes ${JSON.stringify(message)}`, () => {
    for (const chunks of splits(stream)) {
      const outcome = scan(chunks, 'normalise')
      assert.equal(outcome.message, message)
      assert.equal(outcome.size, message.length)
      assert.ok(outcome.ended)
    }
  })
}

const hostile = fc
  .array(fc.constantFrom('\r\n', '\r', '\n', '.', '..', '\r\n.', '\r\n.\r\n', 'a', 'bc', '\0', '\xff'), {
    maxLength: 40,
  })
  .map(parts => parts.join(''))
const cuts = fc.array(fc.nat(60), { maxLength: 8 })

function cut(text: string, at: readonly number[]): Buffer[] {
  const octets = Buffer.from(text, 'latin1')
  const places = [...new Set([0, ...at.filter(place => place < octets.length), octets.length])].sort((a, b) => a - b)
  return places.slice(1).map((to, i) => octets.subarray(places[i], to))
}

test('any octets in any pieces are read as the slow rule reads them', () => {
  fc.assert(
    fc.property(hostile, cuts, (text, at) => {
      const slow = bySlowRule(text)
      const { message, rest, ended } = scan(cut(text, at), 'refuse')
      // A dot, CR at the end of what came so far may yet be the end: neither is given out before that is known.
      if (slow.ended) assert.deepEqual({ message, rest, ended }, slow)
      else assert.ok(!ended && slow.message.startsWith(message) && slow.message.length - message.length <= 1)
    }),
    { numRuns: 2000 },
  )
})

test('normalised messages have no bare CR or LF, and nothing else is lost', () => {
  fc.assert(
    fc.property(hostile, cuts, (text, at) => {
      const whole = `${text}x\r\n.\r\n`
      const plain = scan(cut(whole, at), 'refuse')
      const { message } = scan(cut(whole, at), 'normalise')
      assert.doesNotMatch(message, /\r(?!\n)|(?<!\r)\n/)
      assert.equal(message, plain.message.replace(/\r\n|\r|\n/g, '\r\n'))
    }),
    { numRuns: 1000 },
  )
})

test('lines and header are measured across pieces', () => {
  for (const chunks of splits('Subject: x\r\n\r\nlonger line here\r\n.\r\n')) {
    const { longestLine, headerBytes } = scan(chunks, 'refuse')
    assert.deepEqual({ longestLine, headerBytes }, { longestLine: 16, headerBytes: 14 })
  }
})

test('a line that never ends is measured too', () => {
  assert.equal(scan([Buffer.from('a\r\nbcd')], 'refuse').longestLine, 3)
})

for (const [framing, octets, message, bare] of [
  ['counted', '.\r\n..\r\n.\r\n', '.\r\n..\r\n.\r\n', undefined],
  ['counted', 'a\r\n.', 'a\r\n.', undefined],
  ['counted', 'a\nb', 'a\r\nb', 'LF'],
  ['counted', 'a\r\n\r\nb\r', 'a\r\n\r\nb\r\n', 'CR'],
  ['counted-binary', 'a\nb\r\n\r\n', 'a\r\nb\r\n\r\n', 'LF'],
  ['counted-binary', 'A: b\r\n\r\n\n\r\0\r\r\n.\r', 'A: b\r\n\r\n\n\r\0\r\r\n.\r', undefined],
] as const) {
  test(`${framing} octets ${JSON.stringify(octets)} are ${JSON.stringify(message)} however they are cut`, () => {
    for (const chunks of splits(octets)) {
      const scanner = new DataScanner('normalise', framing)
      const parts = chunks.map(chunk => {
        const { part, end } = scanner.push(chunk)
        assert.equal(end, -1)
        return part.toString('latin1')
      })
      parts.push(scanner.close().toString('latin1'))
      assert.equal(parts.join(''), message)
      assert.equal(scanner.size, message.length)
      assert.equal(scanner.bareCr ? 'CR' : scanner.bareLf ? 'LF' : undefined, bare)
    }
  })
}

test('octets of a message without stuffed dots are not copied', () => {
  const chunk = Buffer.from('Subject: x\r\n\r\na line of the message\r\nanother.\r\n.\r\nQUIT\r\n')
  const { part } = new DataScanner('refuse').push(chunk)
  assert.equal(part.toString(), 'Subject: x\r\n\r\na line of the message\r\nanother.\r\n')
  assert.equal(part.buffer, chunk.buffer)
  assert.equal(part.byteOffset, chunk.byteOffset)
})

test('long lines are found whatever stands among them', () => {
  const lines = fc.array(
    fc.oneof(
      fc.integer({ min: 0, max: 200 }).map(length => `${'x'.repeat(length)}\r\n`),
      fc.constantFrom('\r\n', '..\r\n', '\t\r\n', 'x\r', 'x\n', '\r', '\n', '..\r', '..\n', '\r\n\n', '\r\r\n'),
    ),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(
      lines,
      fc.integer({ min: 1, max: 400 }),
      fc.constantFrom<BareNewline>('refuse', 'normalise'),
      cutEverywhere,
    ),
  )
})

/** Octet by octet nothing can be skipped. */
function cutEverywhere(lines: readonly string[], size: number, policy: BareNewline): void {
  const data = Buffer.from(`${lines.join('')}x\r\n.\r\nNOOP\r\n`, 'latin1')
  const pieces = (length: number) =>
    Array.from({ length: Math.ceil(data.length / length) }, (_, at) => data.subarray(at * length, (at + 1) * length))
  const whole = scan([data], policy)
  assert.deepEqual(scan(pieces(size), policy), whole)
  assert.deepEqual(scan(pieces(1), policy), whole)
}
