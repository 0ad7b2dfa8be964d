/** Our own modules as a worker loads them: each once, with what they import, whoever asks, and never those of others. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { OWN_MODULES_FLAGS } from '../../../core/host/own-modules.js'

const OWN_MODULES = new URL('../../../core/host/own-modules.js', import.meta.url).href

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
  'other/plugin.js': `export const place = import.meta.url`,
}

const PACKAGE = JSON.stringify({
  name: 'posthouse',
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
})
after(() => rm(dir, { recursive: true, maxRetries: 5 }))

/** What a process says that has loaded `core/main.js`. */
async function said(flags: readonly string[], script: string): Promise<unknown> {
  const root = pathToFileURL(`${join(dir, 'own')}/`).href
  const text = `import { loaderOf } from ${JSON.stringify(OWN_MODULES)}
const root = ${JSON.stringify(root)}
const load = loaderOf(root)
const main = await load('core/main.js')
console.log(JSON.stringify(await (async () => { ${script} })()))`
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

test('without the flags Node loads them', async () => {
  assert.deepEqual(
    await said([], 'return [main.name, (await import(root + "core/even.js")) === (await load("core/even.js"))]'),
    ['made.js', true],
  )
})
