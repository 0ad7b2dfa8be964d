/** `posthouse rules fit` on folders of mail, with two rules that are easy to judge. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { filesIn } from '../../../core/config/files.js'
import { messageOf } from '../../../core/storage/message.js'
import { ruleCommands } from '../../../plugins/spam-rules/commands.js'
import { loadRules } from '../../../plugins/spam-rules/index.js'
import { runCommand } from '../../harness/context.js'

const RULES = `rules:
  - name: sells
    points: 2
    says: 'Sells: {found}'
    words: [buy now]
    hits: [buy now]
    misses: [by now]
  - name: greets
    points: 2
    says: 'Greets: {found}'
    words: [dear friend]
    hits: [dear friend]
    misses: [dear Ann]
  - name: shouts
    points: 2
    says: 'Shouts: {found}'
    words: [last call]
    hits: [last call]
    misses: [call]
`
const folder = mkdtempSync(join(tmpdir(), 'rules-fit-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function write(place: string, count: number, text: string): void {
  mkdirSync(join(folder, place), { recursive: true })
  for (let n = 0; n < count; n++) {
    const name = `${text.length}-${n}.eml`
    writeFileSync(
      join(folder, place, name),
      `Subject: mail ${n}\nDate: Mon, ${n + 1} Jul 2024 10:00:00 +0000\n\n${text}\n`,
    )
  }
}

mkdirSync(join(folder, 'rules'))
writeFileSync(join(folder, 'rules', 'a.yaml'), RULES)
for (const source of ['shop', 'site']) {
  write(`${source}/spam`, 20, 'Buy now! Last call!')
  write(`${source}/ham`, 20, 'Dear friend, all is well.')
  write(`${source}/ham`, 8, 'Dear friend, last call for the picnic: bring bread!')
}
const set = await loadRules(filesIn(folder), join(folder, 'rules'), 'local.yaml')
const commands = ruleCommands(async () => set, messageOf)

async function fit(options: Record<string, string | boolean>, json = true): Promise<string> {
  const folders = ['shop', 'site'].map(name => join(folder, name))
  return (await runCommand(commands, 'rules fit', folders, { options, json })).out.join('\n')
}

test('points go where the evidence is, and are tried on the folder that was left out', async () => {
  const report = JSON.parse(await fit({}))
  const points = Object.fromEntries(report.changes.map(({ name, to }: { name: string; to: number }) => [name, to]))
  assert.ok(points.sells > 2.5, JSON.stringify(points))
  assert.ok(!('greets' in points) || points.greets < 2)
  assert.deepEqual(report.before, { ham: 56, falsePositives: 0, spam: 40, falseNegatives: 40 })
  assert.deepEqual(report.after, { ham: 56, falsePositives: 0, spam: 40, falseNegatives: 0 })
  assert.deepEqual(
    report.parts.map(({ name, after: { falseNegatives } }: { name: string; after: { falseNegatives: number } }) => [
      name,
      falseNegatives,
    ]),
    [
      ['without shop', 0],
      ['without site', 0],
    ],
  )
})

test('the same mail gives the same report', async () => {
  assert.equal(await fit({}), await fit({}))
})

test('no more than --most, and no further than --change', async () => {
  const { changes } = JSON.parse(await fit({ most: '2.3' }))
  assert.ok(changes.every(({ to }: { to: number }) => to <= 2.3))
  const less = JSON.parse(await fit({ change: '0.2' }))
  assert.ok(less.changes.every(({ from, to }: { from: number; to: number }) => Math.abs(to - from) < 0.21))
})

test('what is written can be put into local.yaml', async () => {
  const path = join(folder, 'fitted.yaml')
  await fit({ write: path })
  assert.match(readFileSync(path, 'utf8'), /^points:\n(?: {2}[a-z]+: \d\.\d +# 2\.0 before; \d+ ham, \d+ spam\n)+$/)
  await assert.rejects(fit({ write: path }), /is there already/)
})

test('a patch changes the lines of the points', async () => {
  assert.match(await fit({ patch: true }, false), /@@ -3 \+3 @@\n- {4}points: 2\n\+ {4}points: [23](?:\.\d)?\n/)
})

test('spam alone says nothing', async () => {
  write('one/spam', 2, 'Buy now!')
  await assert.rejects(runCommand(commands, 'rules fit', [join(folder, 'one')]), /fitting wants honest mail and spam/)
})
