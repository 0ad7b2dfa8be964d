/** Lines of the log, for programs and for people. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openLog } from '../../../core/log/log.js'
import { prettyLine } from '../../../core/log/pretty.js'

async function inDir(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-log-'))
  try {
    await work(dir)
  } finally {
    await rm(dir, { recursive: true })
  }
}

async function linesOf(path: string): Promise<readonly Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

test('a line holds the sentence, its facts and those of its parents, and no secrets', () =>
  inDir(async dir => {
    const file = join(dir, 'sub', 'posthouse.log')
    const { log } = openLog({ level: 'info', file, pretty: 'auto', facts: { worker: 1 } })
    const child = log.child({ id: 'abc', credentials: { password: 'hunter2' } })
    child.info({ to: 'x@y', password: 'hunter2', user: { token: 'hunter2' }, err: new Error('trouble') }, 'deferred')
    child.debug({}, 'not written')
    const lines = await linesOf(file)
    assert.equal(lines.length, 1)
    const { time, err, ...rest } = lines[0]!
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/)
    assert.match(JSON.stringify(err), /trouble/)
    const told = { level: 'info', worker: 1, id: 'abc', to: 'x@y', msg: 'deferred' }
    assert.deepEqual(rest, {
      ...told,
      password: '[secret]',
      user: { token: '[secret]' },
      credentials: { password: '[secret]' },
    })
  }))

test('what a line says itself stands in place of what its parents say, so that no name stands twice', () =>
  inDir(async dir => {
    const file = join(dir, 'posthouse.log')
    const { log } = openLog({ level: 'info', file, pretty: 'never', facts: { id: 'all' } })
    log.child({ id: 'session', listener: 'mx' }).info({ id: 'session.1', to: 'x@y' }, 'filed')
    const text = await readFile(file, 'utf8')
    assert.match(
      text,
      /^\{"level":"info","time":"[^"]+","id":"session\.1","listener":"mx","to":"x@y","msg":"filed"\}\n$/,
    )
  }))

test('after logrotate has moved the file, reopen writes to a new one', () =>
  inDir(async dir => {
    const file = join(dir, 'posthouse.log')
    const { log, reopen } = openLog({ level: 'info', file, pretty: 'never' })
    log.info({}, 'before')
    await rename(file, `${file}.1`)
    reopen()
    log.info({}, 'after')
    assert.deepEqual(
      (await linesOf(file)).map(l => l.msg),
      ['after'],
    )
    assert.deepEqual(
      (await linesOf(`${file}.1`)).map(l => l.msg),
      ['before'],
    )
  }))

for (const [json, line] of [
  [
    '{"level":"info","time":"2026-01-15T12:00:01.123Z","id":"abc","n":4,"msg":"session ended"}\n',
    '12:00:01.123 INFO  session ended  id=abc  n=4\n',
  ],
  [
    '{"level":"warn","time":"2026-01-15T12:00:01.123Z","helo":"a\\u001b[31m b","msg":"odd"}\n',
    '12:00:01.123 WARN  odd  helo="a\\u001b[31m b"\n',
  ],
  [
    '{"level":"error","time":"2026-01-15T12:00:01.123Z","err":{"stack":"Error: x\\n    at y"},"msg":"failed"}\n',
    '12:00:01.123 ERROR failed\n    Error: x\n        at y\n',
  ],
  ['not json\n', 'not json\n'],
] as const) {
  test(`for people: ${JSON.stringify(line)}`, () => assert.equal(prettyLine(json), line))
}
