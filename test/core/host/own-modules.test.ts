/** Our own modules as a worker loads them: each once, with what they import, whoever asks, and never those of others. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { OWN_MODULES_FLAGS } from '../../../core/host/own-modules.js'

/** Put beside what is loaded, so that libraries are found from there. */
const LOADER = ['core/host/own-modules.js', 'core/host/kept-modules.js', 'core/config/own-file.js']

const FILES: Readonly<Record<string, string>> = {
  'own/core/api/index.js': `export * from './made.js'`,
  'own/core/api/made.js': `globalThis.made = (globalThis.made ?? 0) + 1
export const one = {}
export const place = import.meta.url`,
  'own/core/text/index.js': `export const word = 'word'`,
  'own/core/even.js': `import { odd } from './odd.js'
export const even = n => n === 0 || odd(n - 1)`,
  'own/core/odd.js': `import { even } from './even.js'
export const odd = n => n !== 0 && even(n - 1)`,
  'own/core/late.js': `import { one } from 'posthouse/api'
import { even } from './even.js'
export { one, even }`,
  'own/core/later.js': `import { even } from './even.js'
export { one } from './late.js'
export { even }`,
  'own/core/main.js': `import { basename } from 'node:path'
import { one, place } from 'posthouse/api'
import { word } from 'posthouse/text'
export { one, place, word }
export const name = basename(place)
export const late = () => Promise.all([import('./late.js'), import('./later.js'), import(new URL('late.js', import.meta.url).href)])
export const other = path => import(path)
export const gone = () => import('./not-there.js')`,
  'own/core/esm.js': `export { far } from 'esm'`,
  'node_modules/esm/package.json': '{ "type": "module" }',
  'node_modules/esm/index.js': `export { far } from './far.js'`,
  'node_modules/esm/far.js': `export const far = { away: true }`,
  'own/core/libraries.js': `import plain, { open, shut } from 'plain'
import * as both from 'both'
import modern, { way } from 'modern'
import { how } from 'newer'
export const said = [plain.open(), open(), shut, both.from, modern, way, how]`,
  'node_modules/plain/package.json': '{}',
  'node_modules/plain/index.js': `module.exports = { open: () => 'opened' }
module.exports['sh' + 'ut'] = 'shut'`,
  'node_modules/both/package.json': '{ "exports": { "import": "./index.mjs", "require": "./index.cjs" } }',
  'node_modules/both/index.mjs': `export const from = 'import'`,
  'node_modules/both/index.cjs': `exports.from = 'require'`,
  'node_modules/modern/package.json': '{ "type": "module" }',
  'node_modules/modern/index.js': `export default 'modern'
export const way = await 'way'`,
  'node_modules/newer/package.json': '{ "exports": { "import": "./index.mjs" } }',
  'node_modules/newer/index.mjs': `export const how = 'import alone'`,
  'other/plugin.js': `export const place = import.meta.url`,
}

const PACKAGE = JSON.stringify({
  name: 'posthouse',
  version: '1.2.3',
  type: 'module',
  exports: { './api': './own/core/api/index.js', './text': './own/core/text/index.js' },
})

let dir = ''

before(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'posthouse-modules-')))
  for (const [path, text] of Object.entries({ 'package.json': PACKAGE, ...FILES })) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  for (const path of LOADER) {
    await mkdir(dirname(join(dir, 'own', path)), { recursive: true })
    await copyFile(new URL(`../../../${path}`, import.meta.url), join(dir, 'own', path))
  }
})
after(() => rm(dir, { recursive: true, maxRetries: 5 }))

/** What a process says that has loaded `core/main.js`. */
async function said(flags: readonly string[], script: string, folder?: string): Promise<unknown> {
  const root = pathToFileURL(`${join(dir, 'own')}/`).href
  const text = `const root = ${JSON.stringify(root)}
const { loaderOf } = await import(new URL('core/host/own-modules.js', root))
const { KeptModules } = await import(new URL('core/host/kept-modules.js', root))
const folder = ${JSON.stringify(folder)}
const kept = folder === undefined ? undefined : new KeptModules(folder)
const load = loaderOf(root, kept)
const main = await load('core/main.js')
console.log(JSON.stringify(await (async () => { ${script} })()))
await kept?.over(true)`
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [...flags, '--input-type=module', '--eval', text], {
    timeout: 120_000,
  })
  return JSON.parse(stdout)
}

test('a module is there once, however it is come by, and knows its address', async () => {
  const answer = await said(
    OWN_MODULES_FLAGS,
    `const [late, later, again] = await main.late()
     return [globalThis.made, late.one === main.one, later.one === main.one, again === late, later.even(7), main.word, main.name,
       main.place === new URL('core/api/made.js', root).href]`,
  )
  assert.deepEqual(answer, [1, true, true, true, false, 'word', 'made.js', true])
})

test('loads that cross each other all find what they share', async () => {
  const answer = await said(
    OWN_MODULES_FLAGS,
    `const all = await Promise.all(['late', 'later', 'even', 'odd'].map(name => load('core/' + name + '.js')))
     return all.map(one => Object.keys(one).sort().join())`,
  )
  assert.deepEqual(answer, ['even,one', 'even,one', 'even', 'odd'])
})

test('what is not in the folder is loaded by Node, with its own address', async () => {
  const other = pathToFileURL(join(dir, 'other/plugin.js')).href
  const answer = await said(
    OWN_MODULES_FLAGS,
    `const other = await main.other(${JSON.stringify(other)})
     return [other.place, other === (await import(${JSON.stringify(other)}))]`,
  )
  assert.deepEqual(answer, [other, true])
})

test('a module that is missing is told by its path, each time it is asked for, and hinders no other', async () => {
  const answer = await said(
    OWN_MODULES_FLAGS,
    `const told = []
     for (let i = 0; i < 2; i++) await main.gone().catch(error => told.push(error.message))
     return [...told.map(text => text.includes('core/not-there.js')), (await load('core/odd.js')).odd(3)]`,
  )
  assert.deepEqual(answer, [true, true, true])
})

test('a library is its CommonJS build where there is one, with all its names', async () => {
  const answer = await said(OWN_MODULES_FLAGS, `return (await load('core/libraries.js')).said`)
  assert.deepEqual(answer, ['opened', 'opened', 'shut', 'require', 'modern', 'way', 'import alone'])
})

test('a library of ES modules that a plugin of others is importing is waited for', async () => {
  const script = `const theirs = import(new URL('../node_modules/esm/index.js', root))
const ours = await load('core/esm.js')
return [ours.far, ours.far === (await theirs).far]`
  assert.deepEqual(await said(OWN_MODULES_FLAGS, script), [{ away: true }, true])
})

const ALL = `const [late] = await main.late()
return [late.even(8), main.word, main.place === new URL('core/api/made.js', root).href, kept.find(new URL('core/odd.js', root).pathname)?.text]`

test('what was compiled is kept, and the same when it runs again', async () => {
  const folder = await mkdtemp(join(dir, 'kept-'))
  const place = join(folder, 'own-modules')
  assert.deepEqual(await said(OWN_MODULES_FLAGS, ALL, folder), [true, 'word', true, null])
  const { mode, ino } = await stat(place)
  assert.equal(mode & 0o777, 0o600)
  assert.deepEqual(await said(OWN_MODULES_FLAGS, ALL, folder), [true, 'word', true, FILES['own/core/odd.js']])
  assert.equal((await stat(place)).ino, ino, 'nothing was new')
})

test('a module that has changed is read anew, of the same size and date too', async () => {
  const folder = await mkdtemp(join(dir, 'kept-'))
  await said(OWN_MODULES_FLAGS, ALL, folder)
  const path = join(dir, 'own/core/text/index.js')
  const { mtime } = await stat(path)
  try {
    await writeFile(path, `export const word = 'WORD'`)
    await utimes(path, mtime, mtime)
    for (let i = 0; i < 2; i++)
      assert.equal((await said(OWN_MODULES_FLAGS, 'return main.word', folder)) as string, 'WORD')
  } finally {
    await writeFile(path, FILES['own/core/text/index.js']!)
  }
})

test('what another release has compiled counts for nothing, whatever is said of the files', async () => {
  const folder = await mkdtemp(join(dir, 'kept-'))
  await said(OWN_MODULES_FLAGS, ALL, folder)
  try {
    await writeFile(join(dir, 'package.json'), PACKAGE.replace('1.2.3', '1.2.4'))
    assert.deepEqual(await said(OWN_MODULES_FLAGS, ALL, folder), [true, 'word', true, null])
    assert.deepEqual(await said(OWN_MODULES_FLAGS, ALL, folder), [true, 'word', true, FILES['own/core/odd.js']])
  } finally {
    await writeFile(join(dir, 'package.json'), PACKAGE)
  }
})

test('what a worker left that ended while it wrote goes with the next file', async () => {
  const folder = await mkdtemp(join(dir, 'kept-'))
  await writeFile(join(folder, 'own-modules.0123456789ab'), 'half a file')
  await mkdir(join(folder, 'v22.22.0-x64'))
  await said(OWN_MODULES_FLAGS, ALL, folder)
  assert.deepEqual((await readdir(folder)).sort(), ['own-modules', 'v22.22.0-x64'])
})

const SPOILT: readonly (readonly [string, (file: Buffer) => Buffer])[] = [
  ['is cut short', file => file.subarray(0, file.length - 10)],
  [
    'has an octet changed in its code',
    file => Buffer.concat([file.subarray(0, -9), Buffer.from('!'), file.subarray(-8)]),
  ],
  ['is of another version', file => Buffer.from(file.toString('latin1').replace(process.version, 'v1.2.3'), 'latin1')],
  ['is none of ours', () => Buffer.from('\n\n[["a"]]')],
  ['is empty', () => Buffer.alloc(0)],
]

for (const [how, spoil] of SPOILT) {
  test(`what is kept counts for nothing where the file ${how}, and is made anew`, async () => {
    const folder = await mkdtemp(join(dir, 'kept-'))
    const place = join(folder, 'own-modules')
    await said(OWN_MODULES_FLAGS, ALL, folder)
    await writeFile(place, spoil(await readFile(place)))
    assert.deepEqual(await said(OWN_MODULES_FLAGS, ALL, folder), [true, 'word', true, null])
    assert.deepEqual(await said(OWN_MODULES_FLAGS, ALL, folder), [true, 'word', true, FILES['own/core/odd.js']])
  })
}

test('what others can write is not run', async () => {
  const folder = await mkdtemp(join(dir, 'kept-'))
  await said(OWN_MODULES_FLAGS, ALL, folder)
  await chmod(join(folder, 'own-modules'), 0o666)
  assert.deepEqual(await said(OWN_MODULES_FLAGS, ALL, folder), [true, 'word', true, null])
})

test('without the flags Node loads them', async () => {
  assert.deepEqual(
    await said([], 'return [main.name, (await import(root + "core/even.js")) === (await load("core/even.js"))]'),
    ['made.js', true],
  )
})
