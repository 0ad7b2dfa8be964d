/** Rules that are not asked would not have held: what all rules say of a message, each asked, is what those say that are woken. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { filesIn } from '../../../core/config/files.js'
import { messageOf } from '../../../core/storage/message.js'
import { Awake } from '../../../plugins/spam-rules/awake.js'
import type { Condition, Kind } from '../../../plugins/spam-rules/conditions/kind.js'
import type { RuleSet } from '../../../plugins/spam-rules/evaluate.js'
import { mailOf } from '../../../plugins/spam-rules/example.js'
import { factsAbout } from '../../../plugins/spam-rules/example-asked.js'
import { loadRules, shippedRules } from '../../../plugins/spam-rules/index.js'
import type { Rule } from '../../../plugins/spam-rules/rule.js'
import { ROOT } from '../../harness/shared.js'
import { aRule, load, told } from './loading.js'

const shipped = await loadRules(filesIn('/nowhere'), shippedRules(), 'local.yaml')
const NUMBERED = { name: 'numbered' } as Kind

/** Names of the rules that hold and are not late: each asked by itself, and as mail is judged. */
async function bothWays(set: RuleSet, mail: Buffer) {
  const facts = await factsAbout(messageOf(mail))
  const asked: Rule[] = []
  // Those that look at findings cannot be asked twice about the same facts.
  for (const rule of set.rules) if (!isLate(rule) && (await set.outcome(rule, facts)) !== undefined) asked.push(rule)
  const { hits } = await set.judge(await factsAbout(messageOf(mail)))
  const woken = hits.map(({ rule }) => rule).filter(rule => !isLate(rule))
  return { asked: asked.map(({ name }) => name), woken: woken.map(({ name }) => name) }
}

function isLate({ condition, effect }: Rule): boolean {
  return effect.kind === 'discount' || looksAtFindings(condition)
}

function looksAtFindings({ kind, own }: Condition): boolean {
  return kind.late === true || (kind.inner?.(own) ?? []).some(looksAtFindings)
}

test('of every example of the shipped rules', async () => {
  for (const { name, hits, misses } of shipped.rules) {
    for (const { text } of [...hits, ...misses]) {
      const { asked, woken } = await bothWays(shipped, mailOf(text))
      assert.deepEqual(woken, asked, `${name}: ${text}`)
    }
  }
})

test('of every honest letter', async () => {
  const folder = join(ROOT, 'test/honest')
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.eml'))
  assert.ok(names.length > 100)
  for (const name of names) {
    const { asked, woken } = await bothWays(shipped, readFileSync(join(folder, name)))
    assert.deepEqual(woken, asked, name)
  }
})

test('rules that look at findings are woken by their own examples', async () => {
  for (const rule of shipped.rules.filter(rule => isLate(rule))) {
    for (const { text } of rule.hits) {
      const { hits } = await shipped.judge(await factsAbout(messageOf(mailOf(text))))
      assert.ok(
        hits.some(hit => hit.rule === rule),
        `${rule.name}: ${text}`,
      )
    }
  }
})

test('of more needs than sixteen bits can number', async () => {
  const conditions = Array.from({ length: 70_000 }, (_, own): Condition => ({ kind: NUMBERED, own: { own } }))
  const prepared = { mayHold: () => [conditions[10]!.own, conditions.at(-1)!.own], bind: () => () => undefined }
  const awake = new Awake(conditions, new Map([[NUMBERED, prepared]])).of(await factsAbout(messageOf(mailOf('stone'))))
  assert.deepEqual(
    [...awake.entries()].filter(([, is]) => is === 1).map(([rule]) => rule),
    [10, 69_999],
  )
})

/** The same sequence each time. */
function drawnFrom(seed: number) {
  let state = seed
  return <T>(values: readonly T[]): T => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return values[(state >> 8) % values.length]!
  }
}

const WORDS = ['apple', 'berry', 'cherry', 'damson', 'elder', 'fig', 'grape', 'hazel']

/** A condition as it stands in a file, as deep as that. */
function condition(draw: ReturnType<typeof drawnFrom>, depth: number): string {
  const word = () => draw(WORDS)
  const kinds = depth > 0 ? ['all', 'any', 'not', 'all', 'any'] : []
  switch (draw(['words', 'words', 'several', 'weighed', 'near', 'dressed', 'text', 'count', ...kinds] as const)) {
    case 'words':
      return `{ words: [${word()}], where: [${draw(['subject', 'body', 'anywhere'])}] }`
    case 'several':
      return `{ words: [${WORDS.slice(0, 4)}], at_least: ${draw([1, 2, 3])} }`
    case 'weighed':
      return `{ words: [{ phrases: [${word()}, fig], weight: 2 }, { phrases: [${word()}], weight: -2 }], full: 4, at_least: 1 }`
    case 'near':
      return `{ words: [{ near: [${word()}, ${word()}], within: 2 }] }`
    case 'dressed':
      return draw(['{ words: dressed-up }', `{ words: [${word()}], dressed: true }`])
    case 'text':
      return `{ text: body, matches: ${word()} }`
    case 'count':
      return `{ count: words, at_least: ${draw([3, 6])} }`
    case 'not':
      return `{ not: [${condition(draw, depth - 1)}] }`
    case 'all':
      return `{ all: [${condition(draw, depth - 1)}, ${condition(draw, depth - 1)}] }`
    default:
      return `{ any: [${condition(draw, depth - 1)}, ${condition(draw, depth - 1)}] }`
  }
}

test('of drawn rules, conditions standing in each other, and drawn mail', async () => {
  const draw = drawnFrom(11)
  const rules = Array.from({ length: 300 }, (_, at) => aRule(`rule-${at}`, `any: [${condition(draw, 3)}]`))
  const set = await load(`rules:\n${rules.join('')}`)
  const held = new Set<string>()
  for (let count = 0; count < 60; count++) {
    const some = (most: number) =>
      Array.from({ length: draw([0, 1, 2, most]) }, () => draw([...WORDS, 'ch3rry', 'd.a.m.s.o.n', 'stone']))
    const mail = mailOf(`Subject: ${some(3).join(' ')}\n\n${some(9).join(' ')}`)
    const { asked, woken } = await bothWays(set, mail)
    assert.deepEqual(woken, asked, mail.toString())
    for (const name of asked) held.add(name)
  }
  assert.ok(held.size > 200, `${held.size} rules held`)
})

for (const [what, rule, mail, holds] of [
  ['that wants a word not to be there', 'not:\n  - words: [apple]', 'stone', true],
  ['that wants it not to be there, in mail that has it', 'not:\n  - words: [apple]', 'apple', false],
  ['with one of two that are no words', 'any:\n  - words: [apple]\n  - { text: body, matches: stone }', 'stone', true],
  [
    'that wants a word and a finding of another plugin',
    'all:\n  - words: [apple]\n  - finding: dnsbl-listed',
    'Finding: dnsbl-listed 3\n\napple',
    true,
  ],
] as const)
  test(`an admin's own rule ${what} ${holds ? 'holds' : 'does not hold'}`, async () => {
    const set = await load('rules: []', `rules:\n${aRule('own', rule)}`)
    assert.equal((await told(set, mail)).includes('own 1.5'), holds)
  })
