import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compilePattern, isCheap, refusePattern } from '../../../core/text/index.js'
import { KINDS } from '../../../plugins/spam-rules/conditions/table.js'

describe('patterns', () => {
  for (const [source, use, allowed] of [
    ['^re: ?', 'field', true],
    ['\\S {6,60}\\S{1,15}$', 'field', true],
    ['^a.*b.*c', 'field', true],
    ['.*.*.*', 'field', false],
    ['(a+)+$', 'field', false],
    ['(?:a|b*)*c', 'field', false],
    ['(a|aa){30}', 'field', false],
    ['(\\w)\\1', 'field', false],
    ['\\bbc1[a-z0-9]{25,60}\\b', 'text', true],
    ['a.*b', 'text', false],
    ['a[^>]{0,300}b', 'text', true],
    ['[\\]a-z]{2}[(*+]', 'text', true],
    ['(unclosed', 'field', false],
  ] as const) {
    test(`${source} is ${allowed ? 'allowed' : 'refused'} for ${use}`, () => {
      assert.equal(refusePattern(source, use) === undefined, allowed)
    })
  }

  for (const [source, use, cheap] of [
    ['bulkmate \\d', 'field', true],
    ['^re: ?', 'field', true],
    ['^a.*b.*c', 'field', false],
    ['order=\\d{6,12}$', 'text', true],
    ['parcel (?:waits|held)', 'text', true],
    // Found by the reckoner of shipped ones to be good enough; a text made for it takes seconds.
    ['[a-z]{0,40}[a-z]{0,40}x', 'text', false],
    ['[a-z]{100}x', 'text', false],
    ['(a+)+$', 'text', false],
    ['long beginning|[a-z]{0,20}x', 'text', false],
  ] as const) {
    test(`${source} ${cheap ? 'is' : 'is not'} cheap for ${use}`, () => assert.equal(isCheap(source, use), cheap))
  }

  test('a pattern finds the same with the flag that it can do without', () => {
    for (const source of ['grüße\\b', '[€$] ?\\d', '^\\W{0,3}a', '\\p{Lu}x', '😀{2}'])
      for (const text of ['GRÜSSE', 'GRÜßE', 'kostet €5', ' ! Abc', 'Äx', '😀😀', 'nothing'])
        assert.equal(
          compilePattern(source).exec(text)?.[0],
          new RegExp(source, 'iu').exec(text)?.[0],
          `${source} in ${text}`,
        )
  })
})

test('kinds of conditions that share a key share its schema', () => {
  const keys = new Map<string, unknown>()
  for (const { name, companions } of KINDS) {
    assert.ok(!keys.has(name), `${name} is a kind and a key of another`)
    for (const [key, schema] of Object.entries(companions)) {
      assert.equal(keys.get(key) ?? schema, schema, `${key} of ${name}`)
      keys.set(key, schema)
    }
  }
})
