/** The scanner of message data against the same rules written down slowly, cut at every place where octets can be cut. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type BareNewline, DataScanner, type Framing } from '../../../core/smtp/data-scanner.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 200)
const BARE: readonly BareNewline[] = ['refuse', 'normalise']
const COUNTED: readonly Framing[] = ['counted', 'counted-binary']
/** Behind everything after DATA: the end of the message, and a command that came with it. */
const LAST = '\r\n.\r\nNOOP\r\n'
const LONG = 'x'.repeat(20)

interface Read {
  readonly message: string
  /** What comes behind the end; nothing where octets are counted. */
  readonly rest: string | undefined
  readonly bareCr: boolean
  readonly bareLf: boolean
  readonly size: number
  readonly longestLine: number
  readonly headerBytes: number | undefined
}

/** On the whole text, token by token. */
function model(text: string, bare: BareNewline, framing: Framing): Read {
  const { stuffed, rest } = framing === 'dots' ? untilEnd(text) : { stuffed: [text], rest: undefined }
  const tokens = stuffed.join('\r\n').match(/\r\n|./gs) ?? []
  let [message, line, longestLine, bareCr, bareLf] = ['', 0, 0, false, false]
  let headerBytes: number | undefined
  for (const [at, token] of tokens.entries()) {
    const lone = token === '\r' || token === '\n'
    const heeded = lone && !(framing === 'counted-binary' && headerBytes !== undefined)
    if (heeded && token === '\r') bareCr = true
    if (heeded && token === '\n') bareLf = true
    if (token === '\r\n' || (heeded && bare === 'normalise')) {
      message += '\r\n'
      if (line === 0) headerBytes ??= message.length
      line = 0
    } else {
      message += token
      // A CR at the very end may have been the first half of CRLF until then, and refuses the message where lines count.
      if (token !== '\r' || at < tokens.length - 1) line++
    }
    longestLine = Math.max(longestLine, line)
  }
  return { message, rest, bareCr, bareLf, size: message.length, longestLine, headerBytes }
}

/** RFC 5321 §4.5.2: lines end at CRLF alone; one of a dot is the end, and another loses the dot in front. */
function untilEnd(text: string): { readonly stuffed: readonly string[]; readonly rest: string } {
  const lines = text.split('\r\n')
  const end = lines.indexOf('.')
  assert.ok(end >= 0 && end < lines.length - 1, 'the text has no end')
  const before = lines.slice(0, end).map(line => (line.startsWith('.') ? line.slice(1) : line))
  return { stuffed: [...before, ''], rest: lines.slice(end + 1).join('\r\n') }
}

function scanned(chunks: readonly Buffer[], bare: BareNewline, framing: Framing): Read {
  const scanner = new DataScanner(bare, framing)
  const parts: Buffer[] = []
  let rest: string | undefined
  for (const [at, chunk] of chunks.entries()) {
    const { part, end } = scanner.push(chunk)
    parts.push(part)
    if (end < 0) continue
    rest = Buffer.concat([chunk.subarray(end), ...chunks.slice(at + 1)]).toString('latin1')
    break
  }
  if (framing !== 'dots') parts.push(scanner.close())
  // Read at the end: nothing that was given out may change afterwards.
  const message = Buffer.concat(parts).toString('latin1')
  const { bareCr, bareLf, size, longestLine, headerBytes } = scanner
  return { message, rest, bareCr, bareLf, size, longestLine, headerBytes }
}

/** All ways to cut so many octets: a bit for each place between two. */
function* allCuts(octets: Buffer): Generator<readonly Buffer[]> {
  for (let cuts = 0; cuts < 1 << (octets.length - 1); cuts++) {
    const chunks: Buffer[] = []
    let from = 0
    for (let at = 1; at < octets.length; at++) {
      if ((cuts & (1 << (at - 1))) === 0) continue
      chunks.push(octets.subarray(from, at))
      from = at
    }
    yield [...chunks, octets.subarray(from)]
  }
}

function texts(length: number): readonly string[] {
  return length === 0 ? [''] : texts(length - 1).flatMap(text => ['\r', '\n', '.', 'a'].map(octet => text + octet))
}

function check(octets: Buffer, chunks: readonly Buffer[], bare: BareNewline, framing: Framing, expected: Read): void {
  const found = scanned(chunks, bare, framing)
  if (JSON.stringify(found) === JSON.stringify(expected)) return
  const cut = chunks.map(chunk => chunk.toString('latin1'))
  assert.deepEqual(found, expected, JSON.stringify({ text: octets.toString('latin1'), cut, bare, framing }))
}

for (const bare of BARE) {
  test(`every message of four octets after DATA is read alike however it is cut (${bare})`, () => {
    for (const text of texts(4)) {
      const octets = Buffer.from(`${text}\r\n.\r\n.`, 'latin1')
      const expected = model(octets.toString('latin1'), bare, 'dots')
      for (const chunks of allCuts(octets)) check(octets, chunks, bare, 'dots', expected)
    }
  })

  for (const framing of COUNTED) {
    test(`every message of six octets is read alike however it is cut (${framing}, ${bare})`, () => {
      for (const text of texts(6)) {
        const octets = Buffer.from(text, 'latin1')
        const expected = model(text, bare, framing)
        for (const chunks of allCuts(octets)) check(octets, chunks, bare, framing, expected)
      }
    })
  }
}

const tokens = fc.oneof(
  fc.constantFrom(
    '\r\n',
    '\r',
    '\n',
    '.',
    '..',
    '\r\n.',
    '\r\n.\r',
    '\n.\n',
    '\r\n.\n',
    '\n.\r\n',
    '\r.\r',
    '\r\n\r\n',
    '\0',
    '\t',
  ),
  fc.constantFrom(
    LONG,
    `${LONG}\r\n`,
    `\r\n.${LONG}`,
    `${LONG}.\r\n`,
    '\r\n.\r\n',
    'x'.repeat(11),
    'x'.repeat(12),
    'x'.repeat(13),
  ),
  fc.integer({ min: 0, max: 3000 }).map(length => 'x'.repeat(length)),
)

test('longer messages are read alike however they are cut, long lines and short ones', () => {
  fc.assert(
    fc.property(
      fc.array(tokens, { maxLength: 30 }).map(parts => parts.join('')),
      fc.array(fc.nat(2000), { maxLength: 12 }),
      fc.constantFrom<BareNewline>(...BARE),
      fc.constantFrom<Framing>('dots', ...COUNTED),
      (text, cuts, bare, framing) => {
        const octets = Buffer.from(framing === 'dots' ? text + LAST : text, 'latin1')
        const expected = model(octets.toString('latin1'), bare, framing)
        const places = [...new Set([0, ...cuts.filter(at => at < octets.length), octets.length])].sort((a, b) => a - b)
        const chunks = places.slice(1).map((to, i) => octets.subarray(places[i], to))
        check(octets, chunks, bare, framing, expected)
        for (let at = 1; at < Math.min(octets.length, 300); at++)
          check(octets, [octets.subarray(0, at), octets.subarray(at)], bare, framing, expected)
      },
    ),
    { numRuns: Math.min(numRuns, 20_000) },
  )
})
