import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readRules } from '../../../plugins/filing/read.js'

const CONDITIONS =
  'from, to, sender, recipient, subject, header, list, tag, larger, smaller, spam, junk, automatic, any, all, not'

function faults(...given: readonly unknown[]): readonly string[] {
  const read = readRules(given)
  return read.kind === 'faults' ? read.faults : []
}

describe('a rule that is wrong', () => {
  for (const [what, given, wish] of [
    [
      'no rule',
      'x',
      'rule 1: expected a rule with name, if, file, flag, forward, keep, discard, answer, stop, got "x"',
    ],
    ['no name', { keep: true }, 'rule 1.name: expected a name of up to 80 characters without ", got nothing'],
    [
      'quotes',
      { name: 'a"b', keep: true },
      'rule 1.name: expected a name of up to 80 characters without ", got "a\\"b"',
    ],
    [
      'controls',
      { name: 'a\nb', keep: true },
      'rule 1.name: expected a name of up to 80 characters without ", got "a\\nb"',
    ],
    ['a misspelt key', { name: 'a', fiel: 'A' }, 'rule 1: there is no "fiel", did you mean "file"?'],
    [
      'nothing done',
      { name: 'a' },
      'rule 1 ("a") does nothing: give it file, flag, forward, keep, discard, answer: no or stop',
    ],
    [
      'kept and thrown away',
      { name: 'a', file: 'A', discard: true },
      'rule 1 ("a") keeps and discards: leave one of them out',
    ],
    ['a mailbox', { name: 'a', file: 'A//B' }, 'rule 1.file: expected a mailbox such as Lists/dev, got "A//B"'],
    ['a mailbox above', { name: 'a', file: '../B' }, 'rule 1.file: expected a mailbox such as Lists/dev, got "../B"'],
    [
      'a system flag',
      { name: 'a', flag: '\\Recent' },
      'rule 1.flag: expected a flag such as \\Flagged or work, got "\\\\Recent"',
    ],
    [
      'a keyword',
      { name: 'a', flag: 'two words' },
      'rule 1.flag: expected a flag such as \\Flagged or work, got "two words"',
    ],
    ['an address', { name: 'a', forward: 'bob' }, 'rule 1.forward: expected an address, got "bob"'],
    [
      'a route',
      { name: 'a', forward: '@a.test:b@c.test' },
      'rule 1.forward: expected an address, got "@a.test:b@c.test"',
    ],
    ['a switch', { name: 'a', keep: 'maybe' }, 'rule 1.keep: expected true or false, got "maybe"'],
    ['no conditions', { name: 'a', if: [], keep: true }, `rule 1.if: expected conditions: ${CONDITIONS}, got []`],
    ['empty conditions', { name: 'a', if: {}, keep: true }, 'rule 1.if: no condition; leave "if" out for all mail'],
    [
      'a misspelt condition',
      { name: 'a', if: { form: 'x@y.test' }, keep: true },
      'rule 1.if: there is no "form", did you mean "from"?',
    ],
    [
      'a name for an address',
      { name: 'a', if: { from: 'bob' }, keep: true },
      'rule 1.if.from: expected an address, @domain, or a pattern such as *@*.example.org, got "bob"',
    ],
    [
      'nobody in From',
      { name: 'a', if: { from: '<>' }, keep: true },
      'rule 1.if.from: expected an address, @domain, or a pattern such as *@*.example.org, got "<>"',
    ],
    ['no text', { name: 'a', if: { subject: '' }, keep: true }, 'rule 1.if.subject: expected a text, got ""'],
    [
      'an empty list',
      { name: 'a', if: { subject: [] }, keep: true },
      'rule 1.if.subject: expected a text, got "an empty list"',
    ],
    [
      'an unknown test',
      { name: 'a', if: { subject: { has: 'x' } }, keep: true },
      'rule 1.if.subject: expected one of contains, is, matches, exists, got "has"',
    ],
    [
      'a field name',
      { name: 'a', if: { header: { 'X Y': 'x' } }, keep: true },
      'rule 1.if.header: expected the name of a header field, got "X Y"',
    ],
    [
      'a size',
      { name: 'a', if: { larger: 'big' }, keep: true },
      'rule 1.if.larger: expected a size such as 5MB, got "big"',
    ],
    ['points', { name: 'a', if: { spam: '4' }, keep: true }, 'rule 1.if.spam: expected points such as 4, got "4"'],
    ['no list', { name: 'a', if: { any: {} }, keep: true }, 'rule 1.if.any: expected a list of conditions, got {}'],
  ] as const) {
    test(`${what}: it says where and what instead`, () => assert.deepEqual(faults(given), [wish]))
  }

  test('all faults are told at once', () => {
    assert.equal(faults({ name: 'a', if: { larger: 'x' }, file: '' }, { name: 'b' }).length, 3)
  })

  for (const [what, given] of [
    ['too many rules', Array.from({ length: 101 }, (_, at) => ({ name: `r${at}`, keep: true }))],
    [
      'two of one name',
      [
        { name: 'a', keep: true },
        { name: 'a', keep: true },
      ],
    ],
    ['too many texts', [{ name: 'a', if: { subject: Array(101).fill('x') }, keep: true }]],
    ['a text that is too long', [{ name: 'a', if: { subject: 'x'.repeat(301) }, keep: true }]],
    ['too many conditions', [{ name: 'a', if: { any: Array(101).fill({ tag: 'x' }) }, keep: true }]],
    [
      'too many in two lists',
      [{ name: 'a', if: { any: Array(60).fill({ tag: 'x' }), all: Array(60).fill({ tag: 'x' }) }, keep: true }],
    ],
    ['too deep', [{ name: 'a', if: deep(7), keep: true }]],
    ['too many mailboxes', [{ name: 'a', file: Array(11).fill('A') }]],
    ['no list at all', 7],
  ] as const)
    test(`${what}: refused`, () => assert.equal(readRules(given).kind, 'faults'))

  test('five deep is not too deep', () => assert.deepEqual(faults({ name: 'a', if: deep(5), keep: true }), []))
})

function deep(levels: number): object {
  return levels === 0 ? { tag: 'x' } : { not: deep(levels - 1) }
}

test('rules may stand in a list or under the key rules, as filing show prints them', () => {
  const rule = { name: 'a', keep: true }
  for (const given of [[rule], { rules: [rule] }]) {
    const read = readRules(given)
    assert.ok(read.kind === 'rules')
    assert.deepEqual(
      read.rules.map(one => one.given),
      [rule],
    )
  }
})
