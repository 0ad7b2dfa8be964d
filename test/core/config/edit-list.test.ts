/** One entry more or less in an admin's YAML: at that place, and nowhere else. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { editList } from '../../../core/config/edit-list.js'

const FLOW = `# ours
name: mail.example.test   # greets

domains: [a.test, "b.test"]  # these
other:   { x: 1,y: 2 }
`
const BLOCK = `domains:
  - a.test     # the first
  # and this one
  - 'b.test'
other: 1
`

for (const [what, text, kind, value, wish] of [
  ['behind the last', FLOW, 'add', 'c.test', FLOW.replace('"b.test"', '"b.test", c.test')],
  ['the last', FLOW, 'remove', 'b.test', FLOW.replace(', "b.test"', '')],
  ['the first', FLOW, 'remove', 'a.test', FLOW.replace('a.test, ', '')],
  ['into an empty list', 'domains: []\n', 'add', 'c.test', 'domains: [c.test]\n'],
  ['the only one', 'domains: [a.test]\n', 'remove', 'a.test', 'domains: []\n'],
  ['on a line of its own', BLOCK, 'add', 'c.test', BLOCK.replace("- 'b.test'", "- 'b.test'\n  - c.test")],
  ['a line, with its comment', BLOCK, 'remove', 'a.test', BLOCK.replace('  - a.test     # the first\n', '')],
  ['at the end of a file', 'domains:\n- a.test', 'add', 'c.test', 'domains:\n- a.test\n- c.test'],
  [
    'with the line ends there are',
    'domains:\r\n- a.test\r\nx: 1\r\n',
    'add',
    'c.test',
    'domains:\r\n- a.test\r\n- c.test\r\nx: 1\r\n',
  ],
] as const) {
  test(`${kind} ${what}`, () => {
    assert.equal(editList(text, 'domains', { kind, value }), wish)
  })
}

describe('left to its owner is', () => {
  for (const [what, text, kind] of [
    ['a list that is not there', 'name: x\n', 'remove'],
    ['what is no list', 'domains: a.test\n', 'remove'],
    ['a list somewhere else', 'all: &all [a.test]\ndomains: *all\n', 'remove'],
    ['the last entry of a block', 'domains:\n  - a.test\n', 'remove'],
    ['what is not whole', 'domains: [a.test\n', 'remove'],
    ['an entry that is not there', 'domains: [b.test]\n', 'remove'],
    ['a list of lists', 'domains: [[a.test]]\n', 'add'],
  ] as const) {
    test(what, () => {
      assert.equal(editList(text, 'domains', { kind, value: 'a.test' }), undefined)
    })
  }
})

test('whatever is added can be removed again, and then the text is what it was', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}\.test$/), { minLength: 2, maxLength: 8 })
  fc.assert(
    fc.property(names, fc.boolean(), ([added, ...names], flow) => {
      const list = flow ? ` [${names.join(', ')}] # x` : `\n${names.map(name => `  - ${name} # ${name}`).join('\n')}`
      const text = `a: 1 # one\ndomains:${list}\nb: [1,2]\n`
      const more = editList(text, 'domains', { kind: 'add', value: added! })
      assert.deepEqual((parse(more!) as { domains: string[] }).domains, [...names, added])
      assert.equal(editList(more!, 'domains', { kind: 'remove', value: added! }), text)
    }),
  )
})
