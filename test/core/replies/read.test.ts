/** Reading rules about replies: the admin's first, faults with their places, and what a rule looks at. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { filesIn } from '../../../core/config/files.js'
import { classify } from '../../../core/replies/classify.js'
import { readReplyRules } from '../../../core/replies/read.js'

async function rules(own: string, shipped = 'rules: []') {
  const dir = mkdtempSync(join(tmpdir(), 'replies-'))
  mkdirSync(join(dir, 'shipped'))
  writeFileSync(join(dir, 'replies.yaml'), own)
  writeFileSync(join(dir, 'shipped', '1.yaml'), shipped)
  return readReplyRules(filesIn(dir), join(dir, 'shipped'))
}

const RULE = '{ name: one, class: blocked, says: said, text: [go away] }'

for (const [what, own, fault] of [
  ['a class that is none', '{ name: a, class: blokced, says: x y z, text: [no] }', 'did you mean "blocked"'],
  ['a rule without a condition', '{ name: a, class: policy, says: x y z }', 'would fit every reply'],
  ['a phrase of nothing', '{ name: a, class: policy, says: x y z, text: ["* *"] }', 'expected some words'],
  [
    'a suspension without an end',
    '{ name: a, class: policy, says: xyz, text: [no], do: { suspend: 90d } }',
    '1s and 30d',
  ],
  [
    'an example of something else',
    '{ name: a, class: policy, says: xyz, text: [no], examples: [550 yes] }',
    'comes to no rule',
  ],
  ['a name that is taken', `${RULE}\n- ${RULE}`, 'one stands already at'],
] as const) {
  test(`${what} is a fault with its place`, async () => {
    const { faults } = await rules(`rules:\n- ${own}\n`)
    assert.equal(faults.length, 1, JSON.stringify(faults))
    assert.ok(faults[0]!.message.includes(fault), faults[0]!.message)
    assert.ok(faults[0]!.file.endsWith('replies.yaml') && faults[0]!.line >= 2)
  })
}

test("an admin's rule stands in the place of a shipped one with its name, and before all others", async () => {
  const shipped =
    'rules:\n- { name: one, class: policy, says: said, text: [go away], examples: [550 go away] }\n- { name: two, class: policy, says: said, text: [away], examples: [550 far away] }\n'
  const { rules: all, faults } = await rules(`rules:\n- ${RULE}\n`, shipped)
  assert.deepEqual(faults, [])
  const { class: meant, place } = classify(all, { text: '550 Go  AWAY' })
  assert.equal(meant, 'blocked')
  assert.ok(place!.file.endsWith('replies.yaml'))
  assert.equal(place!.line, 2)
  assert.equal(classify(all, { text: '550 far away' }).rule, 'two')
})

for (const [rule, reply, hit] of [
  ['code: ["45x"]', { text: '452 x' }, true],
  ['code: ["45x"]', { text: '462 x' }, false],
  ['status: ["*.7.*"]', { text: '550 5.7.1 x' }, true],
  ['status: ["4.7.*"]', { text: '550 5.7.1 x' }, false],
  ['status: ["5.7.1"]', { text: 'x', status: '5.7.1' }, true],
  ['host: ["*.example.net"]', { text: '550 x', remote: 'mx.example.net [192.0.2.1]:25' }, true],
  ['host: ["*.example.net"]', { text: '550 mx.example.net no' }, true],
  ['host: ["*.example.net"]', { text: '550 x', remote: 'example.net' }, false],
  ['stage: [rcpt]', { text: '550 x', stage: 'rcpt' }, true],
  ['stage: [rcpt]', { text: '550 x' }, false],
  ['text: ["one*three"]', { text: '550 one two three' }, true],
  ['text: ["three*one"]', { text: '550 one two three' }, false],
  ['text: ["<> is full"]', { text: '552 <joe@example.net> is full' }, true],
  ['text: ["one"], not_text: ["two"]', { text: '550 one two three' }, false],
  ['text: ["over two lines"]', { text: '550-5.7.1 over 550-5.7.1 two 550 5.7.1 lines' }, true],
] as const) {
  test(`${rule} ${hit ? 'fits' : 'does not fit'} ${JSON.stringify(reply)}`, async () => {
    const set = await rules(`rules:\n- { name: a, class: policy, says: said, ${rule} }\n`)
    assert.deepEqual(set.faults, [])
    assert.equal(classify(set.rules, reply).class, hit ? 'policy' : 'unclassed')
  })
}
