import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ListEntry } from '../../../core/api/index.js'
import { rememberingLog } from '../../../core/testing/index.js'
import { readPattern } from '../../../plugins/local-list/pattern.js'
import { RunTimeList } from '../../../plugins/local-list/run-time.js'
import { SiteList } from '../../../plugins/local-list/site-list.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'

const NOW = Date.UTC(2026, 10, 21)
const DAY = 86_400_000

async function made(t: TestContext, files: Readonly<Record<string, string>>, names = Object.keys(files)) {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-list-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const write = async (name: string, text: string) => {
    await writeFile(join(dir, `${name}.new`), text)
    await rename(join(dir, `${name}.new`), join(dir, name))
  }
  for (const [name, text] of Object.entries(files)) await write(name, text)
  const runTime = new RunTimeList(createMemoryTables().table('local-list'), 1000)
  const log = rememberingLog()
  const list = new SiteList({
    names,
    resolve: name => join(dir, name),
    maxEntries: 1000,
    runTime,
    clock: { now: () => NOW },
    log,
  })
  const found = async (address: string) => told(await list.find({ kind: 'address', address }))
  return { list, runTime, log, write, found, dir }
}

function told(entry: ListEntry | undefined): string {
  return entry === undefined ? 'nothing' : `${entry.kind} ${entry.pattern} ${entry.place} ${entry.reason ?? ''}`.trim()
}

test('the closest fit has the word, in whatever file it stands, and says where', async t => {
  const { found } = await made(t, {
    'a.list': '# ours\n192.0.2.0/24 The network\n',
    'b.list': '!192.0.2.7 A friend\n192.0.0.0/16 wider\n',
  })
  assert.equal(await found('192.0.2.9'), 'block 192.0.2.0/24 a.list:2 The network')
  assert.equal(await found('192.0.2.7'), 'allow 192.0.2.7 b.list:1 A friend')
  assert.equal(await found('192.0.3.1'), 'block 192.0.0.0/16 b.list:2 wider')
  assert.equal(await found('198.51.100.1'), 'nothing')
})

test('of two that fit alike, one that allows has the word', async t => {
  const { found } = await made(t, { 'a.list': '192.0.2.7 bad\n', 'b.list': '!192.0.2.7 good\n' })
  assert.equal(await found('192.0.2.7'), 'allow 192.0.2.7 b.list:1 good')
})

test('what a line with : says holds for those below it, and what they say themselves goes before', async t => {
  const { list } = await made(t, {
    'a.list': '192.0.2.1\n:points=4 by=anna Attacks\n192.0.2.2\n192.0.2.3 points=1 Less\n:\n192.0.2.4\n',
  })
  const at = (address: string) => list.find({ kind: 'address', address })
  const base = { kind: 'block' } as const
  assert.deepEqual(await at('192.0.2.1'), { ...base, pattern: '192.0.2.1', place: 'a.list:1' })
  assert.deepEqual(await at('192.0.2.2'), {
    ...base,
    pattern: '192.0.2.2',
    place: 'a.list:3',
    points: 4,
    by: 'anna',
    reason: 'Attacks',
  })
  assert.deepEqual(await at('192.0.2.3'), {
    ...base,
    pattern: '192.0.2.3',
    place: 'a.list:4',
    points: 1,
    by: 'anna',
    reason: 'Less',
  })
  assert.deepEqual(await at('192.0.2.4'), { ...base, pattern: '192.0.2.4', place: 'a.list:6' })
})

test('an entry whose time is over leaves the word to a wider one', async t => {
  const { found, runTime } = await made(t, {
    'a.list': '192.0.2.7 until=2026-11-20 over\n192.0.2.0/24 until=2026-11-22 still\n',
  })
  assert.equal(await found('192.0.2.7'), 'block 192.0.2.0/24 a.list:2 still')
  await runTime.add([{ key: readPattern('192.0.2.7')!, kind: 'block', until: NOW, reason: 'over too' }], NOW - DAY)
  assert.equal(await found('192.0.2.7'), 'block 192.0.2.0/24 a.list:2 still')
  assert.equal(await runTime.sweep(NOW), 1)
  assert.equal((await runTime.get([readPattern('192.0.2.7')!]))[0], undefined)
})

test('what is added at run time holds at once, also with a prefix length nobody had before', async t => {
  const { found, runTime, list } = await made(t, { 'a.list': '192.0.2.0/24 network\n' })
  await runTime.add([{ key: readPattern('192.0.2.8/29')!, kind: 'allow', reason: 'eight of them' }], NOW)
  assert.equal(await found('192.0.2.9'), 'allow 192.0.2.8/29 run-time list eight of them')
  assert.equal((await list.changedAt()) >= NOW, true)
  await runTime.remove([readPattern('192.0.2.8/29')!], NOW)
  assert.equal(await found('192.0.2.9'), 'block 192.0.2.0/24 a.list:1 network')
})

test('a full run-time list takes nothing more', async t => {
  const { runTime } = await made(t, {})
  const many = Array.from({ length: 1001 }, (_, at) => ({ key: `d/host${at}.test`, kind: 'block' }) as const)
  assert.equal(await runTime.add(many, NOW), false)
  assert.equal(await runTime.add(many.slice(0, 500), NOW), true)
})

test('all faults of all files are named with their places, and nothing is read', async t => {
  const { list } = await made(t, { 'a.list': 'good.example\n  *.bad.example\n', 'b.list': '192.0.2.1 pionts=2\n' }, [
    'a.list',
    'b.list',
    'none.list',
  ])
  await assert.rejects(list.open(), (error: Error) => {
    assert.match(error.message, /^a\.list:2:3: "\*\.bad\.example": expected .*did you mean \.bad\.example\?$/m)
    assert.match(error.message, /^b\.list:1:11: there is no pionts=.*did you mean points=\?$/m)
    assert.match(error.message, /^none\.list:1:1: there is no such file/m)
    return true
  })
})

test('one thing cannot be allowed and blocked in one file; twice the same is counted', async t => {
  const { list } = await made(t, { 'a.list': '192.0.2.1\n192.0.2.1/32 again\n!192.0.2.1\n' })
  await assert.rejects(list.open(), /a\.list:3:1: 192\.0\.2\.1 stands in line 1 already, with the opposite meaning/)
  const second = await made(t, { 'a.list': '192.0.2.1 first\n192.0.2.1/32 again\n' })
  assert.equal(await second.found('192.0.2.1'), 'block 192.0.2.1 a.list:1 first')
  assert.equal(second.list.files[0]?.twice, 1)
})

test('a file with more entries than are wanted is refused', async t => {
  const { list } = await made(t, { 'a.list': Array.from({ length: 1001 }, (_, at) => `host${at}.test\n`).join('') })
  await assert.rejects(list.open(), /a\.list:1001:1: there are more than 1000 entries; see max_entries/)
})

test('a file that has changed is taken at the next look, and one that is wrong is not', async t => {
  const { list, found, write, log } = await made(t, { 'a.list': '192.0.2.1 one\n' })
  assert.equal(await found('192.0.2.1'), 'block 192.0.2.1 a.list:1 one')
  await write('a.list', '192.0.2.2 two\n')
  await list.look()
  assert.equal(await found('192.0.2.1'), 'nothing')
  assert.equal(await found('192.0.2.2'), 'block 192.0.2.2 a.list:1 two')
  await write('a.list', '192.0.2.3 three\n*.wrong\n')
  await list.look()
  await list.look()
  assert.equal(await found('192.0.2.2'), 'block 192.0.2.2 a.list:1 two')
  const warnings = log.lines.filter(({ level }) => level === 'warn')
  assert.equal(warnings.length, 1)
  assert.equal(warnings[0]!.sentence, 'list file is wrong, what was read before stays')
  await write('a.list', '192.0.2.3 three\n')
  await list.look()
  assert.equal(await found('192.0.2.3'), 'block 192.0.2.3 a.list:1 three')
})

test('an explicit file that is gone stays as it was read; one of a folder goes', async t => {
  const { list, found, write, dir, log } = await made(t, { 'a.list': '192.0.2.1\n', 'b.list': '192.0.2.2\n' }, [
    'a.list',
    './',
  ])
  assert.equal(await found('192.0.2.2'), 'block 192.0.2.2 ./b.list:1')
  await write('c.list', '192.0.2.3\n')
  await rm(join(dir, 'b.list'))
  await list.look()
  assert.equal(await found('192.0.2.2'), 'nothing')
  assert.equal(await found('192.0.2.3'), 'block 192.0.2.3 ./c.list:1')
  await rm(join(dir, 'a.list'))
  await list.look()
  assert.equal(await found('192.0.2.1'), 'block 192.0.2.1 a.list:1')
  assert.ok(log.lines.some(({ sentence }) => sentence === 'list file cannot be read, what was read before stays'))
})

test('lines may end in CRLF, begin with a byte order mark, and miss the last line end', async t => {
  const { found } = await made(t, { 'a.list': '\ufeff192.0.2.1 one\r\n192.0.2.2 zwölf' })
  assert.equal(await found('192.0.2.1'), 'block 192.0.2.1 a.list:1 one')
  assert.equal(await found('192.0.2.2'), 'block 192.0.2.2 a.list:2 zwölf')
})

test('a folder that cannot be read is said once, and what was read from it before stays', async t => {
  const { list, found, write, dir, log } = await made(t, {}, ['lists/'])
  const warned = () => log.lines.filter(({ sentence }) => sentence === 'folder of lists cannot be read').length
  await list.open()
  await list.look()
  await list.look()
  assert.equal(warned(), 1)
  await mkdir(join(dir, 'lists'))
  await write('lists/a.list', '192.0.2.1\n')
  await list.look()
  assert.equal(await found('192.0.2.1'), 'block 192.0.2.1 lists/a.list:1')
  await rename(join(dir, 'lists'), join(dir, 'away'))
  await list.look()
  assert.equal(await found('192.0.2.1'), 'block 192.0.2.1 lists/a.list:1')
  assert.equal(warned(), 2)
})

test('many questions get the answers that each gets alone', async t => {
  const { list, runTime } = await made(t, { 'a.list': '192.0.2.0/24\n.spam.example\n!friend.spam.example\n' })
  await runTime.add([{ key: readPattern('@mail.example')!, kind: 'block' }], NOW)
  const questions = [
    { kind: 'address', address: '192.0.2.9' },
    { kind: 'name', name: 'no.example' },
    { kind: 'mailbox', local: 'a', domain: 'mail.example' },
    { kind: 'link', host: 'friend.spam.example', path: '/' },
    { kind: 'address', address: 'none' },
    { kind: 'name', name: 'www.spam.example' },
  ] as const
  const together = await list.findAll(questions)
  assert.deepEqual(
    together.map(entry => entry?.pattern),
    ['192.0.2.0/24', undefined, '@mail.example', 'friend.spam.example', undefined, '.spam.example'],
  )
  for (const [at, question] of questions.entries()) assert.deepEqual(await list.find(question), together[at])
})
