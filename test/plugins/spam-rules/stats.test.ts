import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { CommandError } from '../../../core/api/index.js'
import { messageOf } from '../../../core/storage/message.js'
import { ruleCommands } from '../../../plugins/spam-rules/commands.js'
import type { Stats } from '../../../plugins/spam-rules/stats.js'
import { runCommand } from '../../harness/context.js'
import { aRule, load } from './loading.js'

const folder = mkdtempSync(join(tmpdir(), 'rules-stats-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const set = await load(
  `groups: { g: { cap: 4 } }\nrules:\n${aRule('offer', 'words: [offer]', 3, 'group: g')}${aRule('prize', 'words: [prize]', 2)}` +
    `${aRule('offer-too', 'words: [offer]', 0.5)}${aRule('never', 'words: [zebra]')}${aRule('tried', 'words: [prize]', 4, 'shadow: true')}`,
)
const commands = ruleCommands(async () => set, messageOf)

function mails(name: string, bodies: readonly string[]): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  for (const [at, body] of bodies.entries()) writeFileSync(join(path, `${at}.eml`), `Subject: x\n\n${body}\n`)
  return path
}

const ham = mails('ham', ['an offer', 'nothing'])
const spam = mails('spam', [...Array<string>(10).fill('an offer and a prize'), 'a prize'])

describe('rules stats', () => {
  test('counts what each rule finds, decides and shares with others', async () => {
    const { out } = await runCommand(commands, 'rules stats', [], { options: { ham, spam }, json: true })
    const { rules, overlaps, dead, ...rest } = JSON.parse(out.join('\n')) as Stats
    assert.deepEqual(rest, { threshold: 5, ham: { mails: 2, over: 0 }, spam: { mails: 11, over: 10 } })
    const counts = new Map(rules.map(one => [one.name, one]))
    // Without the half point of `offer-too` they would still be over the line.
    for (const [name, inHam, inSpam, decides] of [
      ['offer', 1, 10, 10],
      ['prize', 0, 11, 10],
      ['offer-too', 1, 10, 0],
      ['tried', 0, 11, 0],
    ] as const) {
      const { ham: here, spam: there, decidesSpam } = counts.get(name)!
      assert.deepEqual([here, there, decidesSpam], [inHam, inSpam, decides], name)
    }
    assert.deepEqual(
      overlaps.map(({ one, other, both, percent }) => [one, other, both, percent]),
      [
        ['offer', 'offer-too', 11, 100],
        ['prize', 'tried', 11, 100],
        ['offer', 'prize', 10, 83],
        ['offer', 'tried', 10, 83],
        ['offer-too', 'prize', 10, 83],
        ['offer-too', 'tried', 10, 83],
      ],
    )
    assert.deepEqual(dead, ['never'])
  })

  test('says it for people, with what is only tried out in brackets', async () => {
    const { out } = await runCommand(commands, 'rules stats', [], { options: { ham, spam } })
    assert.equal(out[0], 'ham: 0 of 2 (0.00 %) have 5 points or more')
    assert.ok(
      out.some(line => /^ \(4\.0\) .* 100\.00 .* tried$/.test(line)),
      out.join('\n'),
    )
    assert.equal(out.at(-1), 'finds nothing here: never')
  })

  test('takes paths from a list', async () => {
    const list = join(folder, 'list.txt')
    writeFileSync(list, `${join(spam, '0.eml')}\n${join(spam, '10.eml')}\n`)
    const { out } = await runCommand(commands, 'rules stats', [], { options: { ham, spam: `@${list}` } })
    assert.equal(out[1], 'spam: 1 of 2 (50.00 %)')
  })

  for (const [what, options, code] of [
    ['half of it', { ham }, 2],
    ['a folder that is not there', { ham, spam: join(folder, 'none') }, 1],
    ['a list that is not there', { ham, spam: '@none.txt' }, 1],
    ['a threshold that is no number', { ham, spam, threshold: 'five' }, 1],
  ] as const) {
    test(`refuses ${what}`, async () => {
      await assert.rejects(
        runCommand(commands, 'rules stats', [], { options }),
        (error: unknown) => error instanceof CommandError && error.exitCode === code,
      )
    })
  }
})

describe('rules list', () => {
  test('tells points, groups, trials and caps', async () => {
    const { out } = await runCommand(commands, 'rules list')
    assert.equal(out[0], '   4.0  tried: Found {found} [only tried out]')
    assert.equal(out[1], '   3.0  offer: Found {found} [group g]')
    assert.equal(out.at(-1), 'group g: at most 4 points together')
  })

  test('--json is data', async () => {
    const { out } = await runCommand(commands, 'rules list', [], { json: true })
    const { rules, groups } = JSON.parse(out.join('\n'))
    assert.equal(rules.length, 5)
    assert.match(rules[1].place, /a\.yaml:\d+$/)
    assert.deepEqual(groups, [{ cap: 4, name: 'g', findings: [] }])
  })
})
