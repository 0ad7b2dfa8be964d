import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListQuestion } from '../../../core/api/index.js'
import { keysFor, patternOf, readPattern, wishFor } from '../../../plugins/local-list/pattern.js'

const LENGTHS = { ipv4: [32, 31, 24, 0], ipv6: [128, 61, 32] }

function finds(pattern: string, question: ListQuestion): boolean {
  const key = readPattern(pattern)
  assert.ok(key !== undefined, `${pattern} is no pattern`)
  return keysFor(question, LENGTHS).includes(key)
}

for (const [written, meant] of [
  ['192.0.2.77', '192.0.2.77'],
  ['192.0.2.77/24', '192.0.2.0/24'],
  ['192.0.2.77/31', '192.0.2.76/31'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:DB8::1', '2001:db8::1'],
  ['2001:db8:0:0:9::/61', '2001:db8::/61'],
  ['Example.ORG', 'example.org'],
  ['.Example.org', '.example.org'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['under_score.example.org', 'under_score.example.org'],
  ['User@Example.org', 'user@example.org'],
  ['@Example.org', '@example.org'],
  ['//Example.org', '//example.org'],
  ['https://Example.org/', '//example.org'],
  ['//.example.org', '//.example.org'],
  ['http://example.org/A/b/', '//example.org/A/b'],
  ['//192.0.2.1/x', '//192.0.2.1/x'],
  ['//[2001:db8::1]', '//[2001:db8::1]'],
] as const) {
  test(`the pattern ${written} means ${meant}, and is written so`, () => {
    const key = readPattern(written)
    assert.ok(key !== undefined)
    assert.equal(patternOf(key), meant)
    assert.equal(readPattern(meant), key)
  })
}

test('a link to an IPv6 address is found however the address is written', () => {
  for (const host of ['[2001:db8::1]', '2001:db8::1', '2001:0db8:0000:0000:0000:0000:0000:0001'])
    assert.ok(finds('//[2001:db8::1]', { kind: 'link', host, path: '/' }), host)
})

for (const [wrong, hint] of [
  ['192.0.2.', '192.0.2.0/24'],
  ['192.0.2.*', '192.0.2.0/24'],
  ['10.1', '10.1.0.0/16'],
  ['192.0.2.0/33', undefined],
  ['300.0.2.1', undefined],
  ['*.example.org', '.example.org'],
  ['*@example.org', '@example.org'],
  ['example.org/path', '//example.org/path'],
  ['//example.org:8080/', undefined],
  ['//user@example.org/', undefined],
  ['//example.org/?a=1', undefined],
  ['//.example.org/path', undefined],
  ['a b', undefined],
  ['', undefined],
  ['.', undefined],
  ['@', undefined],
] as const) {
  test(`"${wrong}" is no pattern${hint === undefined ? '' : `, and ${hint} may be meant`}`, () => {
    assert.equal(readPattern(wrong), undefined)
    if (hint === undefined) assert.doesNotMatch(wishFor(wrong), /did you mean/)
    else assert.ok(wishFor(wrong).endsWith(`did you mean ${hint}?`), wishFor(wrong))
  })
}

const link = (host: string, path = '/'): ListQuestion => ({ kind: 'link', host, path })
const name = (text: string): ListQuestion => ({ kind: 'name', name: text })
const mailbox = (local: string, domain: string): ListQuestion => ({ kind: 'mailbox', local, domain })
const address = (text: string): ListQuestion => ({ kind: 'address', address: text })

for (const [pattern, question, expected] of [
  ['192.0.2.0/24', address('192.0.2.9'), true],
  ['192.0.2.0/24', address('192.0.3.9'), false],
  ['192.0.2.0/24', address('::ffff:192.0.2.9'), true],
  ['0.0.0.0/0', address('203.0.113.1'), true],
  ['2001:db8::/61', address('2001:db8:0:7::1'), true],
  ['2001:db8::/61', address('2001:db8:0:8::1'), false],
  ['192.0.2.0/24', address('no address'), false],
  ['example.org', name('EXAMPLE.org.'), true],
  ['example.org', name('www.example.org'), false],
  ['.example.org', name('www.example.org'), true],
  ['.example.org', name('example.org'), true],
  ['.example.org', name('badexample.org'), false],
  ['.example.org', name(`${'a.'.repeat(110)}example.org`), true],
  ['.org', name('example.org'), true],
  ['user@example.org', mailbox('USER', 'example.org'), true],
  ['user@example.org', mailbox('other', 'example.org'), false],
  ['@example.org', mailbox('other', 'example.org'), true],
  ['@example.org', mailbox('other', 'sub.example.org'), false],
  ['@example.org', name('example.org'), false],
  ['.example.org', mailbox('other', 'sub.example.org'), true],
  ['//example.org', link('example.org', '/any'), true],
  ['//example.org', name('example.org'), false],
  ['//.example.org', link('www.example.org'), true],
  ['//example.org/a', link('example.org', '/a/b'), true],
  ['//example.org/a', link('example.org', '/ab'), false],
  ['//example.org/a/b', link('example.org', '/a'), false],
  ['//example.org/a', link('example.org', '/A'), false],
  ['example.org', link('example.org', '/x'), true],
  ['192.0.2.0/24', link('192.0.2.7', '/x'), true],
  ['//[2001:db8::1]', link('2001:db8::1'), true],
] as const satisfies readonly (readonly [string, ListQuestion, boolean])[]) {
  test(`${pattern} ${expected ? 'fits' : 'does not fit'} ${JSON.stringify(question).slice(0, 90)}`, () => {
    assert.equal(finds(pattern, question), expected)
  })
}

test('the closest fit is looked for first', () => {
  assert.deepEqual(keysFor(mailbox('u', 'a.example.org'), LENGTHS).map(patternOf), [
    'u@a.example.org',
    '@a.example.org',
    'a.example.org',
    '.a.example.org',
    '.example.org',
    '.org',
  ])
  assert.deepEqual(keysFor(link('a.test', '/x/y'), LENGTHS).map(patternOf).slice(0, 4), [
    '//a.test/x/y',
    '//a.test/x',
    '//a.test',
    '//.a.test',
  ])
  assert.deepEqual(keysFor(address('192.0.2.77'), LENGTHS).map(patternOf), [
    '192.0.2.77',
    '192.0.2.76/31',
    '192.0.2.0/24',
    '0.0.0.0/0',
  ])
})

test('keys are bounded however long the question is', () => {
  const long = link('a.test', `/${'x/'.repeat(5000)}`)
  assert.ok(keysFor(long, LENGTHS).length < 20)
  assert.deepEqual(keysFor(mailbox('x'.repeat(5000), 'a.test'), LENGTHS), [])
  assert.deepEqual(keysFor(name('x'.repeat(5000)), LENGTHS), [])
})
