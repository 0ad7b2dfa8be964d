/** THREAD's trees (RFC 5256 §3, §4) from messages with ids, subjects and dates. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byReferences } from '../../../../plugins/imap/finding/references.js'
import {
  orderedSubject,
  type Threaded,
  type ThreadNode,
  writeThreads,
} from '../../../../plugins/imap/finding/threads.js'

/** The n-th message: id, references, subject, and minute of sending, which is n where not given. */
type Given = readonly [id: string, references: string, subject?: string, sent?: number]

function messages(given: readonly Given[]): Threaded[] {
  return given.map(([id, references, subject = '', sent], at) => ({
    uid: at + 1,
    sent: sent ?? at + 1,
    subject: subject.replace('re ', ''),
    reply: subject.startsWith('re '),
    ids: `${id} ${references}`.trimEnd(),
  }))
}

const written = (threads: readonly ThreadNode[]) => writeThreads(threads, one => one.uid)

const CASES: readonly (readonly [what: string, given: readonly Given[], threads: string])[] = [
  [
    'answers stand below what they answer',
    [
      ['a', ''],
      ['b', 'a'],
      ['c', 'a b'],
      ['d', 'a'],
    ],
    '(1 (2 3)(4))',
  ],
  [
    'messages without references stand alone',
    [
      ['a', ''],
      ['b', ''],
    ],
    '(1)(2)',
  ],
  [
    'siblings of a message that is not there',
    [
      ['b', 'a'],
      ['c', 'a'],
    ],
    '((1)(2))',
  ],
  ['one child of a message that is not there takes its place', [['c', 'a b']], '(1)'],
  [
    'a gap in the middle is closed',
    [
      ['a', ''],
      ['c', 'a b'],
      ['d', 'a b'],
    ],
    '(1 (2)(3))',
  ],
  ['who answers itself has no loop', [['a', 'a']], '(1)'],
  [
    'who answer each other have no loop',
    [
      ['a', 'b'],
      ['b', 'a'],
    ],
    '(2 1)',
  ],
  [
    'the second of one id is another message',
    [
      ['a', ''],
      ['a', ''],
      ['b', 'a'],
    ],
    '(1 3)(2)',
  ],
  [
    'the own references of a message count more than what others say',
    [
      ['a', ''],
      ['x', 'a b'],
      ['b', ''],
    ],
    '(1)(3 2)',
  ],
  [
    'children come by date',
    [
      ['a', '', '', 5],
      ['b', 'a', '', 9],
      ['c', 'a', '', 7],
    ],
    '(1 (3)(2))',
  ],
  [
    'threads come by date of their first message',
    [
      ['a', '', '', 5],
      ['b', '', '', 3],
    ],
    '(2)(1)',
  ],
  [
    'a reply by its subject stands below the message it answers',
    [
      ['a', '', 'x'],
      ['b', '', 're x'],
    ],
    '(1 2)',
  ],
  [
    'also when it was sent before',
    [
      ['b', '', 're x'],
      ['a', '', 'x'],
    ],
    '(2 1)',
  ],
  [
    'messages of one subject are siblings',
    [
      ['a', '', 'x'],
      ['b', '', 'x'],
    ],
    '((1)(2))',
  ],
  [
    'three of one subject are siblings',
    [
      ['a', '', 'x'],
      ['b', '', 'x'],
      ['c', '', 'x'],
    ],
    '((1)(2)(3))',
  ],
  [
    'two replies without the message',
    [
      ['a', '', 're x'],
      ['b', '', 're x'],
    ],
    '((1)(2))',
  ],
  [
    'messages without a subject are not put together',
    [
      ['a', '', ''],
      ['b', '', ''],
    ],
    '(1)(2)',
  ],
  [
    'heads that are not there and have one subject become one',
    [
      ['b', 'a', 'x'],
      ['c', 'a', 'x'],
      ['e', 'd', 'x'],
      ['f', 'd', 'x'],
    ],
    '((1)(2)(3)(4))',
  ],
]

for (const [what, given, threads] of CASES) {
  test(`REFERENCES: ${what}`, async () => assert.equal(written(await byReferences(messages(given))), threads))
}

test('ORDEREDSUBJECT: the first of a subject, and below it the others by date', async () => {
  const given = messages([
    ['', '', 'x', 4],
    ['', '', 'y', 3],
    ['', '', 're x', 2],
    ['', '', 'x', 9],
    ['', '', 'z', 1],
  ])
  assert.equal(written(await orderedSubject(given)), '(5)(3 (1)(4))(2)')
})

test('a chain of twenty thousand answers is threaded, cut and told', async () => {
  const chain = Array.from({ length: 20_000 }, (_, n): Given => [`m${n}`, n === 0 ? '' : `m${n - 1}`])
  const told = written(await byReferences(messages(chain)))
  assert.deepEqual(told.match(/[0-9]+/g)!.length, 20_000)
})

test('however deep a tree is, what is told nests at most some hundred times', async () => {
  const deep = Array.from({ length: 4000 }, (_, n): Given => [`m${n}`, n < 2 ? '' : `m${2 * Math.floor(n / 2) - 2}`])
  const told = written(await byReferences(messages(deep.slice(0, 1900))))
  let depth = 0
  let most = 0
  for (const char of told) {
    if (char === '(') most = Math.max(most, ++depth)
    if (char === ')') depth--
  }
  assert.ok(most > 400 && most <= 502, `${most}`)
  assert.equal(depth, 0)
  assert.equal(told.match(/[0-9]+/g)!.length, 1900)
})
