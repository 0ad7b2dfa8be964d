/** Conditions that several rules share are asked once about a message, and say the same as where each rule asks for itself. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { messageOf } from '../../../core/storage/message.js'
import type { Condition, Kind, Test } from '../../../plugins/spam-rules/conditions/kind.js'
import type { RuleSet } from '../../../plugins/spam-rules/evaluate.js'
import { mailOf } from '../../../plugins/spam-rules/example.js'
import { factsAbout } from '../../../plugins/spam-rules/example-asked.js'
import { Guard } from '../../../plugins/spam-rules/guard.js'
import { shippedRules } from '../../../plugins/spam-rules/index.js'
import { SharedTests } from '../../../plugins/spam-rules/shared-tests.js'
import { ROOT } from '../../harness/shared.js'
import { aRule, load, loadBeside, told } from './loading.js'
import { plainly, said } from './plainly.js'

/** However busy the machine is, no pattern is given up. */
const patient = () => new Guard({ patternMs: 60_000, messageMs: 600_000, restMs: 1000 })
const factsOf = (mail: string) => factsAbout(messageOf(mailOf(mail)))

describe('a condition', () => {
  let asked = 0
  const counting = (more: Partial<Kind> = {}): Condition => ({ kind: { name: 'counting', ...more } as Kind, own: {} })
  /** Holds where the body has an apple. */
  const bind = (): Test => facts => {
    asked++
    return facts.text('body').includes('apple') ? { kind: 'found', text: 'apple' } : undefined
  }
  const asks = async (shared: SharedTests, condition: Condition, mail: string) => {
    const facts = await factsOf(mail)
    asked = 0
    const outcomes = [1, 2, 3].map(() => shared.of(condition, bind)(facts)?.kind)
    return { asked, outcomes }
  }

  test('that several rules share is asked once about each message, whether it holds or not', async () => {
    const one = counting()
    const shared = new SharedTests([one, one])
    assert.deepEqual(await asks(shared, one, 'an apple'), { asked: 1, outcomes: ['found', 'found', 'found'] })
    assert.deepEqual(await asks(shared, one, 'a stone'), { asked: 1, outcomes: [undefined, undefined, undefined] })
  })

  test('that one rule alone has is kept for nobody', async () => {
    const one = counting()
    assert.equal((await asks(new SharedTests([one]), one, 'an apple')).asked, 3)
  })

  test('that looks at findings is asked again, also where another stands around it', async () => {
    const late = counting({ late: true })
    const around = { kind: { name: 'around', inner: () => [late] } as unknown as Kind, own: {} }
    const shared = new SharedTests([around, around])
    assert.equal((await asks(shared, late, 'an apple')).asked, 3)
    assert.equal((await asks(shared, around, 'an apple')).asked, 3)
  })

  test('of rules that were read anew is asked anew, of the same message too', async () => {
    const one = counting()
    const facts = await factsOf('an apple')
    const [before, after] = [new SharedTests([one, one]), new SharedTests([one, one])]
    const never = after.of(one, () => () => undefined)
    assert.equal(before.of(one, bind)(facts)?.kind, 'found')
    assert.equal(never(facts), undefined)
  })
})

/** Rules whose conditions differ in nothing but one key, each beside one that is its like. */
const PAIRS = [
  ['{ words: [apple, berry], at_least: 1 }', '{ words: [apple, berry], at_least: 2 }', 'apple'],
  ['{ words: [apple], where: [body] }', '{ words: [apple], where: [subject] }', 'apple'],
  ['{ words: [apples], stem: en }', '{ words: [apples] }', 'apple'],
  ['{ words: [{ near: [apple, berry] }] }', '{ words: [{ near: [apple, berry], ordered: true }] }', 'berry apple'],
  ['{ words: [{ near: [apple, fig] }] }', '{ words: [{ near: [apple, fig], within: 2 }] }', 'apple or a fig'],
  ['{ field: X-One }', '{ field: X-One, at_least: 2 }', 'X-One: a\n\nb'],
  ['{ field: X-One, missing: true }', '{ field: X-One }', 'apple'],
  ['{ file: { ending: [exe] } }', '{ part: { ending: [com] } }', 'Attachment: a.exe\n\nb'],
  ['{ text: body, matches: apple }', '{ text: subject, matches: apple }', 'apple'],
  ['{ any: [{ words: [apple] }, { words: [fig] }] }', '{ all: [{ words: [apple] }, { words: [fig] }] }', 'apple'],
  ['{ not: [{ words: [fig] }] }', '{ any: [{ words: [fig] }] }', 'apple'],
] as const

for (const [holds, other, mail] of PAIRS)
  test(`${holds} is not taken for ${other}`, async () => {
    const rules = [holds, other, holds, other].map((one, at) => aRule(`r${at}`, `any: [${one}]`))
    assert.deepEqual(await told(await load(`rules:\n${rules.join('')}`), mail), ['r0 1.5', 'r2 1.5'])
  })

test('what a file of the package says and what the local one says alike are each held to what their file may', async () => {
  const slow = "{ text: body, matches: '(a+)+b' }"
  await assert.rejects(load(`rules:\n${aRule('ours', `any: [${slow}]`)}`, `rules:\n${aRule('own', `any: [${slow}]`)}`))
  const set = await load(
    'rules: []',
    `rules:\n${aRule('own', `any: [${slow}]`)}${aRule('more', `any: [${slow}]`)}`,
    patient(),
  )
  assert.deepEqual(await told(set, 'aaab'), ['own 1.5', 'more 1.5'])
  await set.dispose()
})

test('a fault is told at each place where it stands', async () => {
  const bad = 'any: [{ words: [apple], at_least: 3 }]'
  await assert.rejects(load(`rules:\n${aRule('one', bad)}${aRule('two', bad)}`), (error: { faults?: unknown[] }) => {
    assert.equal(error.faults?.length, 2)
    return true
  })
})

/** The same sequence each time. */
function drawnFrom(seed: number) {
  let state = seed
  return <T>(values: readonly T[]): T => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return values[(state >> 8) % values.length]!
  }
}

type Draw = ReturnType<typeof drawnFrom>
const WORDS = ['apple', 'berry', 'cherry', 'damson', 'elder', 'fig']
/** Few, so that many rules have the same. */
const CONDITIONS = [
  ...WORDS.map(word => `{ words: [${word}] }`),
  '{ words: [apple, berry, cherry], at_least: 2 }',
  '{ words: [{ near: [apple, berry], within: 3 }] }',
  '{ words: [{ near: [cherry|fig, berry], ordered: true }] }',
  '{ words: [{ phrases: [apple, fig], weight: 2, most: 3 }, { phrases: [elder], weight: -2 }], full: 4, at_least: 1 }',
  '{ words: [damson], dressed: true }',
  '{ words: dressed-up }',
  '{ field: X-One }',
  '{ field: X-One, missing: true }',
  '{ field: X-One, at_least: 2 }',
  "{ field: X-One, matches: '^one' }",
  "{ field: X-One, matches: '(o+n+)+e' }",
  '{ field: List-Id }',
  "{ text: body, matches: '(?:fig )+apple' }",
  '{ file: { ending: [exe, js] } }',
  "{ file: { name: '(a+)+b' } }",
  '{ part: { type: [text/plain] } }',
  '{ label: tried }',
  '{ count: words, at_least: 5 }',
  '{ count: files, at_most: 0 }',
  '{ size: body, over: 20B }',
  '{ date: missing }',
  '{ letters: capitals, where: [body] }',
  '{ structure: html-only }',
  "{ finding: 'dnsbl-*' }",
  '{ finding: r1* }',
]
const SCOPES = [
  '',
  '',
  '',
  'only: { users: [ann@one.example] }',
  'only: { domains: [one.example] }',
  'except: { users: [bob@one.example] }',
  'only: { listeners: [mx] }',
  'except: { listeners: [mx] }',
]

function condition(draw: Draw, depth: number): string {
  if (depth === 0 || draw([true, false, false])) return draw(CONDITIONS)
  const some = Array.from({ length: draw([1, 2, 2, 3]) }, () => condition(draw, depth - 1))
  return `{ ${draw(['all', 'any', 'not'])}: [${some.join(', ')}] }`
}

function mail(draw: Draw): string {
  const some = (most: number) =>
    Array.from({ length: draw([0, 1, 3, most]) }, () => draw([...WORDS, 'd.a.m.s.o.n', 'ch3rry', 'STONE'])).join(' ')
  const lines = [
    draw(['', 'X-One: one', 'X-One: none\nX-One: one', 'x-one:', 'X-One: ooonnnooonnnx']),
    draw(['', 'List-Id: <list.example>']),
    draw(['', 'Attachment: a.exe', 'Attachment: aaaaaab.txt\nAttachment: b.zip zip(c.js)']),
    draw(['', 'Label: tried']),
    draw(['', 'Listener: mx']),
    draw(['', 'Envelope-To: ann@one.example', 'Envelope-To: ann@one.example\nEnvelope-To: bob@one.example']),
    draw(['', 'Finding: dnsbl-listed 3']),
    `Subject: ${some(3)}`,
  ]
  return `${lines.filter(line => line !== '').join('\n')}\n\n${some(9)}`
}

/** Cut off, or with a piece of itself where it does not belong. */
function broken(draw: Draw, bytes: Buffer): Buffer {
  const places = Array.from({ length: 50 }, (_, at) => Math.floor((at * bytes.length) / 50))
  const [from, to] = [draw(places), draw(places)]
  return draw([
    bytes.subarray(0, from),
    Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]),
    Buffer.concat([bytes.subarray(from), bytes]),
  ])
}

async function sameBothWays(set: RuleSet, mails: Iterable<Buffer>): Promise<ReadonlySet<string>> {
  const ask = plainly(set)
  const held = new Set<string>()
  for (const bytes of mails) {
    const plain = await ask(await factsAbout(messageOf(bytes)))
    const { hits } = await set.judge(await factsAbout(messageOf(bytes)))
    assert.deepEqual(said(hits), plain, bytes.subarray(0, 2000).toString('latin1'))
    for (const { name } of plain) held.add(name)
  }
  return held
}

test('drawn rules say of drawn mail what each says by itself', async () => {
  const draw = drawnFrom(7)
  const rules = Array.from({ length: 400 }, (_, at) => aRule(`r${at}`, `any: [${condition(draw, 3)}]`, 1, draw(SCOPES)))
  const set = await load('rules: []', `rules:\n${rules.join('')}`, patient())
  const held = await sameBothWays(
    set,
    Array.from({ length: 120 }, () => mailOf(mail(draw))),
  )
  assert.ok(held.size > 300, `${held.size} rules held`)
  await set.dispose()
})

test('shipped and drawn rules say of honest letters, whole and broken, what each says by itself', async () => {
  const draw = drawnFrom(3)
  const rules = Array.from({ length: 100 }, (_, at) => aRule(`r${at}`, `any: [${condition(draw, 2)}]`))
  const set = await loadBeside(shippedRules(), `rules:\n${rules.join('')}`, patient())
  const folder = join(ROOT, 'test/honest')
  const letters = readdirSync(folder)
    .filter(name => name.endsWith('.eml'))
    .sort()
    .map(name => readFileSync(join(folder, name)))
  await sameBothWays(
    set,
    letters.flatMap((letter, at) => (at % 4 === 0 ? [letter, broken(draw, letter), broken(draw, letter)] : [])),
  )
  await set.dispose()
})
