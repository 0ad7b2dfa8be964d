import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/local-list/index.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { runCommand } from '../../harness/context.js'

const NOW = Date.UTC(2026, 10, 21)

async function made(t: TestContext, most = 50) {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-list-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'a.list'), '192.0.2.0/24 In a file\n')
  const { contribution, end } = await setUp(plugin, {
    config: { files: ['a.list'], max_entries: most },
    server: { configDir: dir },
    services: { tables: createMemoryTables() },
    now: () => NOW,
  })
  t.after(end)
  const say = (line: string, options: Record<string, string | boolean> = {}, json = false) => {
    const [name = '', ...args] = line.split(' ')
    return runCommand(contribution.commands ?? [], `local-list ${name}`, args, {
      options: { by: 'anna', ...options },
      json,
    })
  }
  return { say, dir }
}

test('what is added is found at once, and no longer when it is taken away', async t => {
  const { say } = await made(t)
  const added = await say('add 198.51.100.0/24 .spam.example', {
    reason: 'Seen',
    for: '30d',
    points: '2.5',
    code: '127.0.0.4',
  })
  assert.deepEqual(added.out, [
    '198.51.100.0/24  block  run-time list  2.5 points  127.0.0.4  until Mon, 21 Dec 2026 00:00:00 +0000  by anna  Seen',
    '.spam.example  block  run-time list  2.5 points  127.0.0.4  until Mon, 21 Dec 2026 00:00:00 +0000  by anna  Seen',
  ])
  assert.equal((await say('check 198.51.100.7')).code, 0)
  assert.deepEqual((await say('check user@www.spam.example')).out, [added.out[1]])
  assert.deepEqual((await say('rm .spam.example')).out, ['.spam.example is no longer on the run-time list'])
  const after = await say('check user@www.spam.example')
  assert.deepEqual([after.code, after.out], [1, ['user@www.spam.example is not on the list']])
})

test('check asks files too, and tells machines the same', async t => {
  const { say } = await made(t)
  assert.deepEqual((await say('check 192.0.2.9')).out, ['192.0.2.0/24  block  a.list:1  In a file'])
  const [json = ''] = (await say('check 192.0.2.9', {}, true)).out
  assert.deepEqual(JSON.parse(json), {
    question: { kind: 'address', address: '192.0.2.9' },
    entry: { kind: 'block', pattern: '192.0.2.0/24', place: 'a.list:1', reason: 'In a file' },
  })
  await say('add //shop.example/sale')
  assert.equal((await say('check https://shop.example/sale/today?x=1')).code, 0)
  assert.equal((await say('check https://shop.example/')).code, 1)
})

test('ls shows all that holds, or what has a text in it, as lines or JSON', async t => {
  const { say } = await made(t)
  await say('add one.example')
  await say('add two.example', { allow: true })
  assert.deepEqual((await say('ls')).out, [
    'one.example  block  run-time list  by anna',
    'two.example  allow  run-time list  by anna',
    '192.0.2.0/24  block  a.list:1  In a file',
  ])
  assert.deepEqual((await say('ls', { 'run-time': true })).out.length, 2)
  assert.deepEqual((await say('ls TWO')).out, ['two.example  allow  run-time list  by anna'])
  const rows = JSON.parse((await say('ls', {}, true)).out.join('')) as { pattern: string }[]
  assert.deepEqual(
    rows.map(({ pattern }) => pattern),
    ['one.example', 'two.example', '192.0.2.0/24'],
  )
  assert.deepEqual(JSON.parse((await say('ls nowhere', {}, true)).out.join('')), [])
})

test('what is exported can be imported', async t => {
  const { say, dir } = await made(t)
  await say('add 2001:db8::/32', { reason: 'All of it', points: '1', until: '2027-01-31' })
  await say('add friend@example.org', { allow: true })
  const { out } = await say('export')
  assert.deepEqual(out, [
    '2001:db8::/32 points=1 since=2026-11-21 until=2027-01-31 by=anna All of it',
    '!friend@example.org since=2026-11-21 by=anna',
  ])
  await say('rm 2001:db8::/32 friend@example.org')
  await writeFile(join(dir, 'saved'), out.join('\n'))
  assert.deepEqual((await say(`import ${join(dir, 'saved')}`)).out, ['2 entries are on the run-time list'])
  assert.deepEqual((await say('export')).out, out)
})

for (const [line, options, message] of [
  ['add *.example.org', {}, /did you mean \.example\.org\?/],
  ['add example.org', { points: 'many' }, /--points: expected a number/],
  ['add example.org', { code: '10.0.0.1' }, /--code: expected an address in 127\.0\.0\.0\/8/],
  ['add example.org', { for: 'ever' }, /--for: expected a time/],
  ['add example.org', { until: 'then' }, /--until: expected a day/],
  ['add example.org', { for: '1d', until: '2027-01-31' }, /--for and --until: expected one of the two/],
  ['rm nobody.example', {}, /not on the run-time list: nobody\.example/],
  ['import /nowhere/at-all', {}, /cannot be read: ENOENT/],
] as const) {
  test(`"${line}" with ${JSON.stringify(options)} is refused`, async t => {
    const { say } = await made(t)
    await assert.rejects(say(line, options), message)
  })
}

test('an import with a fault adds nothing and says where it is', async t => {
  const { say, dir } = await made(t)
  await writeFile(join(dir, 'wrong'), 'one.example\n*.two.example\n')
  await assert.rejects(say(`import ${join(dir, 'wrong')}`), /wrong:2:1: /)
  assert.deepEqual((await say('ls', { 'run-time': true })).out, ['nothing is on the list'])
})

test('a full list says what to do', async t => {
  const { say } = await made(t)
  const many = Array.from({ length: 60 }, (_, at) => `host${at}.example`).join(' ')
  await assert.rejects(say(`add ${many}`), /full: see max_entries/)
})

test('an import for which there is no room adds nothing, however long it is', async t => {
  const { say, dir } = await made(t, 15_000)
  const lines = Array.from({ length: 20_000 }, (_, at) => `host${at}.example`)
  await writeFile(join(dir, 'long'), lines.join('\n'))
  await assert.rejects(say(`import ${join(dir, 'long')}`), /full: see max_entries/)
  assert.deepEqual((await say('ls', { 'run-time': true })).out, ['nothing is on the list'])
})
