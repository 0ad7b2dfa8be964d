import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ROOT } from './instance.js'

const FILES = {
  'bad.test.mjs': `
    import assert from 'node:assert/strict'
    import { describe, test } from 'node:test'
    describe('a suite', () => {
      test('that is wrong', () => assert.deepEqual({ a: 1 }, { a: 2 }))
      test('for want of a program', { skip: 'no program' }, () => {})
      test('one day', { todo: true }, () => assert.fail('not yet'))
    })
    test('outer', async t => { await t.test('inner', () => { throw new Error('the inner fault') }) })`,
  'hangs.test.mjs': `
    import { test } from 'node:test'
    test('never', { timeout: 100 }, () => new Promise(done => setTimeout(done, 1_000)))`,
  'killed.test.mjs': `
    import { test } from 'node:test'
    test('fine', () => {})
    test('dies', async () => {
      await new Promise(done => process.stderr.write('last words', done))
      process.kill(process.pid, 'SIGKILL')
      await new Promise(() => {})
    })`,
  'many.test.mjs': `
    import { test } from 'node:test'
    for (let i = 0; i < 12; i++) test('no ' + i, () => { throw new Error(Array(50).fill('a line').join('\\n')) })`,
  'stray.test.mjs': `
    import { test } from 'node:test'
    test('fine', () => {})
    setTimeout(() => { throw new Error('after all') }, 50)`,
  'fine.test.mjs': `
    import { test } from 'node:test'
    test('fine', () => {})`,
}

const dir = mkdtempSync(join(tmpdir(), 'posthouse-summary-'))
after(() => rmSync(dir, { recursive: true }))
for (const [name, text] of Object.entries(FILES)) writeFileSync(join(dir, name), text)

interface Told {
  readonly code: number | null
  readonly summary: readonly string[]
}

/** What `npm test` says at its end of these files alone. */
function told(...names: readonly (keyof typeof FILES)[]): Told {
  // By this variable the runner tells a process that its tests are reported elsewhere.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const paths = names.map(name => join(dir, name))
  const main = join(ROOT, 'dist/test/main.js')
  const { status, stdout } = spawnSync(process.execPath, [main, ...paths], { encoding: 'utf8', env })
  const lines = stdout.trimEnd().split('\n')
  return { code: status, summary: lines.slice(lines.indexOf('# what failed and what was skipped')) }
}

test('the end of a run without a fault is its longest files and its counts', () => {
  const { code, summary } = told('fine.test.mjs')
  assert.equal(code, 0)
  assert.match(summary[1]!, /^# longest files: .*fine\.test\.mjs \d+\.\d s$/)
  assert.deepEqual([summary[2], summary[5], summary.length], ['# tests 1', '# fail 0', 10])
})

test('each failed test stands there by its whole name with message and values, each skipped one with its reason', () => {
  const { code, summary } = told('bad.test.mjs')
  const text = summary.join('\n')
  assert.equal(code, 1)
  assert.match(text, /^# SKIPPED .*bad\.test\.mjs:6 › a suite › for want of a program \(no program\)$/m)
  assert.match(text, /^# FAILED .*bad\.test\.mjs:5 › a suite › that is wrong$/m)
  assert.match(text, /AssertionError.*\n(#.*\n)*# {3}expected \{"a":2\}, was \{"a":1\}$/m)
  assert.match(text, /^# FAILED .* › outer › inner\n#.*the inner fault$/m)
  assert.equal(text.match(/FAILED/g)!.length, 2, 'neither suites nor what is still to be done')
  assert.match(summary.at(-1)!, /^# duration_ms/)
})

test('a test that runs into its limit, and a process that dies, are told with the last words', () => {
  const { code, summary } = told('hangs.test.mjs', 'killed.test.mjs')
  const text = summary.join('\n')
  assert.equal(code, 1)
  assert.match(text, /^# FAILED .*hangs\.test\.mjs:\d+ › never\n# {3}test timed out after 100ms/m)
  assert.match(text, /^# FAILED .*killed\.test\.mjs\n#.*\n# {3}ended by SIGKILL\n# {3}last words$/m)
})

test('what a file throws after its tests is told with the file', () => {
  const { code, summary } = told('stray.test.mjs')
  const text = summary.join('\n')
  assert.equal(code, 1)
  assert.match(text, /^# FAILED .*stray\.test\.mjs\n(#.*\n)*#.*asynchronous activity.*after all/m)
})

test('ten failures of thirty lines are told, of the others how many', () => {
  const { summary } = told('many.test.mjs')
  const text = summary.join('\n')
  assert.equal(text.match(/FAILED/g)!.length, 10)
  assert.equal(text.match(/^# {3}… \d+ more lines$/gm)!.length, 10)
  assert.match(text, /^# … and 2 more failed$/m)
})
