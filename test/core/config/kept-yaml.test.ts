/** What large YAML files came to is kept, and counts only for the very same text and schema. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { YamlPath } from '../../../core/api/index.js'
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
  const read = (schema = usual) => filesIn(home, { yaml: kept }).yaml('rules.yaml', schema, { large: true })
  const first = await read()
  const folder = join(home, 'kept-yaml')
  const names = await readdir(folder).catch((): string[] => [])
  return { home, read, first, names, place: join(folder, names[0] ?? 'none') }
}

/** As if the text had come to something else. */
async function forge(place: string, value: unknown): Promise<void> {
  const [key] = (await readFile(place, 'utf8')).split('\n')
  const json = JSON.stringify(value)
  await writeFile(place, `${key}\n${createHash('sha256').update(json).digest('hex')}\n${json}`)
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

test('places that are kept with it are those of the text', async () => {
  const home = await mkdtemp(join(dir, 'home-'))
  await writeFile(join(home, 'rules.yaml'), '# mine\n"one":\n  points: 3\n  deep: { of: { what: 1 } }\ntwo:\n')
  const kept = KeptYaml.in(home)
  const read = () => filesIn(home, { yaml: kept }).yaml('rules.yaml', { type: 'object' }, { large: 'placed' })
  const first = await read()
  const again = await read()
  assert.deepEqual(again.value, first.value)
  const paths: readonly YamlPath[] = [
    [],
    ['one'],
    ['one', 'points'],
    ['one', 'deep', 'of'],
    ['one', 'deep', 'of', 'what'],
    ['two'],
    ['none'],
  ]
  assert.deepEqual(
    paths.map(path => again.at(path)),
    paths.map(path => first.at(path)),
  )
  assert.deepEqual(again.at(['one', 'deep', 'of']), { line: 4, column: 15 })
  assert.deepEqual(again.fault(['one', 'points'], 'no'), first.fault(['one', 'points'], 'no'))
})

test('places are those that were kept, and two who read one file do not drive each other out', async () => {
  const { home, read, names } = await readOnce('one:\n  points: 3\n')
  const files = filesIn(home, { yaml: KeptYaml.in(home) })
  const placed = () => files.yaml('rules.yaml', POINTS, { large: 'placed' })
  await placed()
  const [other = ''] = (await readdir(join(home, 'kept-yaml'))).filter(name => !names.includes(name))
  await forge(join(home, 'kept-yaml', other), { value: { one: { points: 4 } }, places: [[['one'], 77, 7]] })
  const { value, at } = await placed()
  assert.deepEqual([value, at(['one'])], [{ one: { points: 4 } }, { line: 77, column: 7 }])
  assert.deepEqual((await read()).value, { one: { points: 3, shadow: false } })
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
  const whole = await readFile(place, 'utf8')
  const changed = whole.replace('"points":3', '"points":4')
  assert.notEqual(changed, whole)
  for (const damaged of ['', 'null', '[]', '{"value":{}}', whole.slice(0, -5), changed]) {
    await writeFile(place, damaged)
    assert.deepEqual((await read()).value, first.value)
  }
})

test('what others could have written is not believed', async () => {
  const { home, read, first, place } = await readOnce('one:\n  points: 3\n')
  await forge(place, { one: { points: 4 } })
  await chmod(place, 0o666)
  assert.deepEqual((await read()).value, first.value)
  await forge(place, { one: { points: 4 } })
  const elsewhere = join(home, 'elsewhere')
  await rename(place, elsewhere)
  await symlink(elsewhere, place)
  assert.deepEqual((await read()).value, first.value)
})

test('what stands in its place and is no file is no trouble', async () => {
  const { read, first, place } = await readOnce('one:\n  points: 3\n')
  await rm(place)
  execFileSync('mkfifo', [place])
  assert.deepEqual((await read()).value, first.value)
  await rm(place, { force: true })
  await mkdir(place)
  assert.deepEqual((await read()).value, first.value)
})

test('a folder that cannot be there is no trouble', async () => {
  const { home, read, first } = await readOnce('one:\n  points: 3\n')
  await rm(join(home, 'kept-yaml'), { recursive: true })
  await writeFile(join(home, 'kept-yaml'), 'not a folder')
  assert.deepEqual((await read()).value, first.value)
})

test('it is of its owner alone', async () => {
  const { home, place } = await readOnce('one:\n  points: 3\n')
  assert.equal((await stat(join(home, 'kept-yaml'))).mode & 0o777, 0o700)
  assert.equal((await stat(place)).mode & 0o777, 0o600)
})

test('many who read the same at once leave one whole file', async () => {
  const { home, read, first, place } = await readOnce('one:\n  points: 3\n')
  await rm(place)
  const values = await Promise.all(Array.from({ length: 20 }, () => read()))
  for (const { value } of values) assert.deepEqual(value, first.value)
  assert.deepEqual(await readdir(join(home, 'kept-yaml')), [place.slice(place.lastIndexOf('/') + 1)])
})

test('what killed writers and files of old left does not pile up', async () => {
  const { home, read, place } = await readOnce('one:\n  points: 3\n')
  const folder = join(home, 'kept-yaml')
  await writeFile(`${place}.0011`, 'half')
  await utimes(`${place}.0011`, 1, 1)
  await rm(place)
  await read()
  assert.equal((await readdir(folder)).length, 1)
  for (let at = 0; at < 300; at++) await writeFile(join(folder, `${at}.json`), '')
  await rm(place)
  await read()
  assert.equal((await readdir(folder)).length, 1)
})

test('what refers to itself is no trouble', async () => {
  const { home } = await readOnce('one:\n  points: 3\n')
  const kept = KeptYaml.in(home)
  assert.ok(kept)
  const round: Record<string, unknown> = {}
  round.again = round
  const checked = { path: join(home, 'round.yaml'), text: '', schema: POINTS }
  await kept.keep(checked, round)
  assert.equal(await kept.read(checked), undefined)
})

test('other files are never kept', async () => {
  const { home } = await readOnce('one:\n  points: 3\n')
  await writeFile(join(home, 'secrets.yaml'), 'one:\n  points: 7\n')
  await filesIn(home, { yaml: KeptYaml.in(home) }).yaml('secrets.yaml', POINTS)
  assert.equal((await readdir(join(home, 'kept-yaml'))).length, 1)
})

test('a directory that is not there keeps nothing', () => {
  assert.equal(KeptYaml.in(join(dir, 'nowhere')), undefined)
})
