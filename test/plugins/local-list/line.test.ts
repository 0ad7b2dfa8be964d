import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatLine, readLine, readNote } from '../../../plugins/local-list/line.js'
import { patternOf } from '../../../plugins/local-list/pattern.js'

for (const text of ['', '   ', '# a comment', '  # another', '\r']) {
  test(`a line of ${JSON.stringify(text)} says nothing`, () => {
    assert.deepEqual(readLine(text), { kind: 'nothing' })
  })
}

test('an entry is a pattern, then what is said of it, then why', () => {
  const line = readLine('\t192.0.2.0/24  points=2.5 code=127.0.0.4 by=anna  Attacks since May # ticket 7\r')
  assert.deepEqual(line, {
    kind: 'entry',
    allow: false,
    key: '4/24/c00002',
    rest: 'points=2.5 code=127.0.0.4 by=anna  Attacks since May',
  })
  assert.deepEqual(readNote('points=2.5 code=127.0.0.4 by=anna  Attacks since May'), {
    points: 2.5,
    code: '127.0.0.4',
    by: 'anna',
    reason: 'Attacks since May',
  })
})

test('! allows, : is for all lines below', () => {
  assert.deepEqual(readLine('!example.org Friends'), {
    kind: 'entry',
    allow: true,
    key: 'd/example.org',
    rest: 'Friends',
  })
  assert.deepEqual(readLine(':points=1 Seen'), { kind: 'defaults', rest: 'points=1 Seen' })
})

test('a # within a word is no comment', () => {
  assert.deepEqual(readNote('see ticket#7'), { reason: 'see ticket#7' })
  const line = readLine('example.org see ticket#7')
  assert.equal(line.kind === 'entry' && line.rest, 'see ticket#7')
})

for (const [text, column, message] of [
  ['*.example.org', 1, /did you mean \.example\.org\?/],
  ['  !*@example.org', 4, /did you mean @example\.org\?/],
  ['x'.repeat(1001), 1001, /at most 1000 characters/],
] as const) {
  test(`${text.slice(0, 20)} is wrong at column ${column}`, () => {
    const line = readLine(text)
    assert.ok(line.kind === 'wrong')
    assert.equal(line.column, column)
    assert.match(line.message, message)
  })
}

for (const [note, message] of [
  ['pionts=2', /there is no pionts=.*did you mean points=\?/],
  ['points=much', /expected a number from 0 to 999/],
  ['code=127.0.0.1', /127\.0\.0\.4/],
  ['code=10.0.0.1', /127\.0\.0\.0\/8/],
  ['code=127.255.255.1', /127\.0\.0\.0\/8/],
  ['code=127.0.0.256', /127\.0\.0\.0\/8/],
  ['until=tomorrow', /2027-01-31/],
  ['until=2027-13-31', /2027-01-31/],
] as const) {
  test(`"${note}" is refused with what was expected`, () => {
    const read = readNote(note)
    assert.ok('kind' in read)
    assert.match(read.message, message)
  })
}

test('what is written is read again as the same', () => {
  const entry = {
    kind: 'allow',
    pattern: '.example.org',
    points: 2.5,
    code: '127.0.0.4',
    since: Date.UTC(2026, 0, 2),
    until: Date.UTC(2027, 0, 2, 3, 4, 5),
    by: 'anna',
    reason: 'Friends, as they say',
  } as const
  const text = formatLine(entry)
  assert.equal(
    text,
    '!.example.org points=2.5 code=127.0.0.4 since=2026-01-02 until=2027-01-02T03:04:05Z by=anna Friends, as they say',
  )
  const line = readLine(text)
  assert.ok(line.kind === 'entry')
  const { kind: _, pattern, ...note } = entry
  assert.equal(patternOf(line.key), pattern)
  assert.deepEqual(readNote(line.rest), note)
})

test('a reason that looks like something else is written as a reason', () => {
  for (const reason of ['points=9 in traps', '#1 of all', 'code=1', '## until=never']) {
    const line = readLine(formatLine({ kind: 'block', pattern: 'a.test', points: 2, reason }))
    assert.ok(line.kind === 'entry')
    const note = readNote(line.rest)
    assert.ok(!('kind' in note), reason)
    assert.equal(note.points, 2)
    assert.ok(note.reason !== undefined, reason)
  }
})

test('no line makes the reader throw, and what it takes for an entry can be written and read again', () => {
  const word = fc.oneof(
    fc.constantFrom(
      '192.0.2.0/24',
      '.a.test',
      '@',
      '//',
      ':',
      '!',
      '#',
      'points=',
      '=',
      '/',
      '::',
      '\t',
      'until=2027-01-01',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), words => {
      const line = readLine(words.join(' '))
      if (line.kind !== 'entry') return
      const note = readNote(line.rest)
      if ('kind' in note) return
      const again = readLine(
        formatLine({ kind: line.allow ? 'allow' : 'block', pattern: patternOf(line.key), ...note }),
      )
      assert.ok(again.kind === 'entry')
      assert.equal(again.key, line.key)
      assert.equal(again.allow, line.allow)
      assert.deepEqual(readNote(again.rest), note)
    }),
    { numRuns: Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 500) },
  )
})
