/** Which fields of the sender's are cut, and what stands in front of a message. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authenticationResults, cutFields, prefixFor } from '../../../core/pipeline/prefix.js'
import { aSession } from '../../../core/testing/asked.js'
import { decodeWords, scanHeader } from '../../../core/text/index.js'
import { cpuMs } from '../../harness/cpu.js'

const OURS = 'mx.example.test'

/** What is left of a header after the cuts. */
function left(header: string, name = OURS): string {
  const bytes = Buffer.from(header, 'latin1')
  let kept = ''
  let at = 0
  for (const [from, to] of cutFields(scanHeader(bytes).fields, name)) {
    kept += bytes.toString('latin1', at, from)
    at = to
  }
  return kept + bytes.toString('latin1', at)
}

for (const [what, header, kept] of [
  ['first', 'X-Spam-Flag: NO\r\nSubject: x\r\n\r\nbody', 'Subject: x\r\n\r\nbody'],
  ['last', 'Subject: x\r\nX-Spam-Flag: NO\r\n\r\nbody', 'Subject: x\r\n\r\nbody'],
  ['only', 'X-Spam-Flag: NO\r\n\r\nbody', '\r\nbody'],
  ['folded', 'A: 1\r\nX-Spam-Report: one\r\n\ttwo\r\n three\r\nB: 2\r\n\r\n', 'A: 1\r\nB: 2\r\n\r\n'],
  ['with a space before its colon', 'X-Spam-Flag \t: NO\r\nB: 2\r\n\r\n', 'B: 2\r\n\r\n'],
  ['in odd case', 'x-SPAM-flag: NO\r\nB: 2\r\n\r\n', 'B: 2\r\n\r\n'],
  ['several in a row', 'A: 1\r\nX-Spam-A: 1\r\nX-Spam-B: 2\r\nB: 2\r\n\r\n', 'A: 1\r\nB: 2\r\n\r\n'],
  ['with no empty line behind it', 'A: 1\r\nX-Spam-Flag: NO\r\n', 'A: 1\r\n'],
  ['with no line end behind it', 'A: 1\r\nX-Spam-Flag: NO', 'A: 1\r\n'],
  ['in the body', 'A: 1\r\n\r\nX-Spam-Flag: NO\r\n', 'A: 1\r\n\r\nX-Spam-Flag: NO\r\n'],
] as const) {
  test(`a verdict of another filter that stands ${what} is cut as a whole and nothing else is`, () => {
    assert.equal(left(header), kept)
  })
}

for (const value of [
  'mx.example.test; spf=pass',
  'MX.Example.Test; spf=pass',
  ' (comment) mx.example.test; none',
  '(one(nested))(two) mx.example.test; none',
  '(with \\) quoted) mx.example.test; none',
  'mx.example.test(glued); none',
  'mx.example.test 1; none',
  '"mx.example.test"; none',
  '"mx.exam\\ple.test"; none',
  'mx.example.test.; none',
  '\r\n mx.example.test; spf=pass',
  'mx.example.test',
]) {
  test(`results that claim to be ours are cut: ${JSON.stringify(value)}`, () => {
    assert.equal(left(`Authentication-Results: ${value}\r\nA: 1\r\n\r\n`), 'A: 1\r\n\r\n')
  })
}

for (const value of ['other.test; spf=pass', '(mx.example.test) other.test; none', 'not-mx.example.test; none', '']) {
  test(`results of others stay: ${JSON.stringify(value)}`, () => {
    const header = `Authentication-Results: ${value}\r\n\r\n`
    assert.equal(left(header), header)
  })
}

const COPY = {
  recipient: { address: { local: 'alice', domain: 'example.test' }, dsn: { notify: [] } },
  local: true,
} as const

/** In a copy of any kind. */
function buildPrefix(...given: Parameters<typeof prefixFor>): string {
  return prefixFor(...given)(COPY)
}

test('a field with thousands of open brackets costs nothing worth a name', () => {
  const header = `Authentication-Results: ${'('.repeat(200_000)}\r\n\r\n`
  assert.equal(left(header).length, 200_028)
  assert.ok(cpuMs(() => void left(header)) < 300)
})

test('a field of a hook cannot end its line, name another field or be longer than a line may be', () => {
  const prefix = buildPrefix(
    'Received: here\r\n',
    [
      { name: 'X-A', value: 'one\r\nBcc: all@world.test\r\n\r\nbody\0' },
      { name: 'X-B\r\nX-C', value: 'two' },
      { name: 'X-D', value: 'x'.repeat(3000) },
    ],
    false,
  )
  assert.deepEqual(
    prefix
      .trimEnd()
      .split('\r\n')
      .filter(line => !line.startsWith(' '))
      .map(line => line.slice(0, 4)),
    ['X-A:', 'X-D:', 'Rece'],
  )
  assert.ok(prefix.split('\r\n').every(line => line.length <= 998))
})

test('what is no field is left out', () => {
  const odd = [null, undefined, 'text', { name: 'X-A' }, { name: 'X-A', value: 1 }, { value: 'x' }]
  assert.equal(buildPrefix('Received: here\r\n', odd as never, false), 'Received: here\r\n')
})

test('a field beyond ASCII is encoded, unless the message is internationalised', () => {
  const fields = [{ name: 'X-Report', value: 'words: заработок без вложений (5.0) and naïve' }]
  const plain = buildPrefix('', fields, false)
  assert.match(plain, /^[\x20-\x7e\r\n]*$/)
  const raw = plain.slice('X-Report: '.length).replace(/\r\n/g, '')
  assert.equal(decodeWords(raw), fields[0]!.value)
  assert.equal(buildPrefix('', fields, true), `X-Report: ${fields[0]!.value}\r\n`)
})

test('core says of a message that its sender had logged in, and not who', () => {
  const account = { id: 'a1', login: 'alice@example.test', addresses: ['alice@example.test'] }
  const fields = authenticationResults(aSession({ account }), 'mail.example.test')
  assert.equal(buildPrefix('', fields, false), 'Authentication-Results: mail.example.test; auth=pass\r\n')
  assert.deepEqual(authenticationResults(aSession(), 'mail.example.test'), [])
})

test('a field for local copies is not in one that goes on to elsewhere', () => {
  const fields = [
    { name: 'X-All', value: 'a' },
    { name: 'X-Ours', value: 'b', within: 'local' },
  ] as const
  const prefix = prefixFor('Received: here\r\n', fields, false)
  assert.equal(prefix(COPY), 'X-All: a\r\nX-Ours: b\r\nReceived: here\r\n')
  assert.equal(prefix({ ...COPY, local: false }), 'X-All: a\r\nReceived: here\r\n')
})

test('a field for some recipients is in their copies only, and hooks that name nonsense reach nobody', () => {
  const fields = [
    { name: 'X-Hers', value: 'a', for: [COPY.recipient] },
    { name: 'X-Odd', value: 'b', for: 'everybody' },
  ]
  const prefix = prefixFor('', fields as never, false)
  assert.equal(prefix(COPY), 'X-Hers: a\r\n')
  const another = { address: { local: 'bob', domain: 'example.test' }, dsn: { notify: [] } } as const
  assert.equal(prefix({ ...COPY, recipient: another }), '')
})
