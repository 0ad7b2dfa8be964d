/** What large YAML files came to is kept, and counts only for the very same text and schema. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { filesIn } from '../../../core/config/files.js'
import { KeptYaml } from '../../../core/config/kept-yaml.js'

const POINTS = {
  type: 'object',
  additionalProperties: {
    type: 'object',
    properties: { points: { type: 'number' }, shadow: { type: 'boolean', default: false } },
  },
} as const

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'posthouse-kept-'))
})
after(() => rm(dir, { recursive: true }))

/** A directory of its own for each test, with a file in it that has been read once. */
async function readOnce(text: string, usual: object = POINTS) {
  const home = await mkdtemp(join(dir, 'home-'))
  await writeFile(join(home, 'rules.yaml'), text)
  const kept = KeptYaml.in(home)
  assert.ok(kept)
  const read = (schema = usual) => filesIn(home, kept).yaml('rules.yaml', schema, { large: true })
  const first = await read()
  const folder = join(home, 'kept-yaml')
  const names = await readdir(folder).catch(() => [])
  return { home, read, first, names, place: join(folder, names[0] ?? 'none') }
}

/** As if the text had come to something else. */
async function forge(place: string, value: unknown): Promise<void> {
  const { key } = JSON.parse(await readFile(place, 'utf8')) as { key: string }
  await writeFile(place, JSON.stringify({ key, value }))
}

test('the same text is not read again', async () => {
  const { read, first, place } = await readOnce('one:\n  points: 3\n')
  assert.deepEqual(first.value, { one: { points: 3, shadow: false } })
  assert.deepEqual((await read()).value, first.value)
  await forge(place, { one: { points: 4 } })
  assert.deepEqual((await read()).value, { one: { points: 4 } })
})

test('another text and another schema are', async () => {
  const { home, read, place } = await readOnce('one:\n  points: 3\n')
  await forge(place, { one: { points: 4 } })
  assert.deepEqual((await read({ type: 'object' })).value, { one: { points: 3 } })
  await writeFile(join(home, 'rules.yaml'), 'one:\n  points: 5\n')
  assert.deepEqual((await read()).value, { one: { points: 5, shadow: false } })
})

test('of a text that is not read again every value knows its place', async () => {
  const { read } = await readOnce('# mine\none:\n  points: 3\n')
  const again = await read()
  assert.deepEqual(again.at(['one', 'points']), { line: 3, column: 11 })
  assert.equal(again.fault(['one'], 'no').line, 3)
})

test('a file with faults is not kept, and tells them each time', async () => {
  const { read, first, names } = await readOnce('one:\n  points: many\n')
  assert.equal(first.faults.length, 1)
  assert.deepEqual(names, [])
  assert.deepEqual((await read()).faults, first.faults)
})

test('what JSON has no words for is not kept', async () => {
  const { read, names } = await readOnce('one:\n  points: .inf\n', { type: 'object' })
  assert.deepEqual(names, [])
  assert.deepEqual((await read()).value, { one: { points: Number.POSITIVE_INFINITY } })
})

test('what is kept and damaged is no trouble', async () => {
  const { read, first, place } = await readOnce('one:\n  points: 3\n')
  for (const damaged of ['', '{"key":', 'null', '[]', '{"value":{}}']) {
    await writeFile(place, damaged)
    assert.deepEqual((await read()).value, first.value)
  }
})

test('other files are never kept', async () => {
  const { home } = await readOnce('one:\n  points: 3\n')
  await writeFile(join(home, 'secrets.yaml'), 'one:\n  points: 7\n')
  await filesIn(home, KeptYaml.in(home)).yaml('secrets.yaml', POINTS)
  assert.equal((await readdir(join(home, 'kept-yaml'))).length, 1)
})

test('a directory that is not there keeps nothing', () => {
  assert.equal(KeptYaml.in(join(dir, 'nowhere')), undefined)
})
