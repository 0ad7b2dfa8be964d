/** What is given to `posthouse learn` and is no mail teaches nothing, and keeps nothing else from being learned. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CommandError, type Table } from 'posthouse/api'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { runCommand } from '../../harness/context.js'
import { processOf } from './process.js'
import { mailOf } from './scene.js'

const folder = mkdtempSync(join(tmpdir(), 'passed-over-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const put = (name: string, octets: string | Buffer) => {
  mkdirSync(join(folder, 'mails'), { recursive: true })
  writeFileSync(join(folder, 'mails', name), octets)
}
put('1', '')
put('2', Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 37) % 256)))
put('3', mailOf('spam', 1))
put('4', '\n')
put('5', mailOf('spam', 2))

const clock = { now: () => Date.UTC(2026, 0, 1) }
const aTable = () => createMemoryTables().table('learning')

/** In a process of its own. */
function learn(table: Table, names: readonly string[], options: Record<string, boolean> = {}, json = false) {
  const { commands } = processOf(table, clock)
  return runCommand(
    commands,
    'learn spam',
    names.map(name => join(folder, name)),
    { options, json },
  )
}

async function taughtIn(table: Table): Promise<number> {
  const { journal } = processOf(table, clock)
  await journal.ready()
  return journal.counts().spam
}

test('empty files and binary ones are passed over, named, and the command says that not all was done', async () => {
  const table = aTable()
  const { code, out, err } = await learn(table, ['mails'])
  assert.equal(code, 1)
  assert.match(out.join(), /^2 mails: 2 learned/)
  assert.equal(err.filter(line => /mails\/[124] is no mail/.test(line)).length, 3)
  assert.match(err.at(-1)!, /^3 passed over/)
  assert.equal(await taughtIn(table), 2)
})

test('with --json their number is told', async () => {
  const { out } = await learn(aTable(), ['mails'], {}, true)
  assert.deepEqual(JSON.parse(out.join()), { label: 'spam', seen: 2, learned: 2, known: 0, right: 1, passedOver: 3 })
})

test('where one of several paths is not there, nothing is learned of the others', async () => {
  const table = aTable()
  await assert.rejects(learn(table, ['mails/3', 'nowhere']), CommandError)
  assert.equal(await taughtIn(table), 0)
})

test('what is judged may be an mbox, a folder, or come through a pipe; what is no mail is passed over', async () => {
  const { commands } = processOf(aTable(), clock)
  const wrapped = [1, 2].map(n => `From a@example.test Mon Jan  1 00:00:00 2026\n${mailOf('spam', n)}\n`)
  writeFileSync(join(folder, 'box'), wrapped.join(''))
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const writer = writeFile(pipe, mailOf('ham', 1))
  const paths = ['box', 'mails', 'pipe'].map(name => join(folder, name))
  const { code, out, err } = await runCommand(commands, 'learn judge', paths, { json: true })
  await writer
  const names = out.map(line => JSON.parse(line).file.slice(folder.length + 1))
  assert.deepEqual(names, ['box#1', 'box#2', 'mails/3', 'mails/5', 'pipe'])
  assert.equal(err.length, 3)
  assert.equal(code, 1)
})

test('a dry run says what is known already', async () => {
  const table = aTable()
  await learn(table, ['mails/3'])
  const { out } = await learn(table, ['mails/3', 'mails/5'], { 'dry-run': true })
  assert.match(out.join(), /^2 mails: .* 1 known already; nothing was learned$/)
})
