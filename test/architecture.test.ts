/**
 * Floors, doors and cycles: what the architecture page promises about imports is proven here on the sources.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

const FLOORS: ReadonlyMap<string, number> = new Map([
  ['core/text', 0],
  ['core/api', 1],
  ['core/pipeline', 2],
  ['core/net', 2],
  ['core/storage', 2],
  ['core/dns', 2],
  ['core/config', 2],
  ['core/replies', 2],
  ['core/log', 2],
  ['core/sasl', 2],
  ['core/smtp', 3],
  ['core/queue', 3],
  ['core/host', 3],
  ['core/testing', 3],
  ['core', 4],
])

function sources(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
}

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
  /** `import()`, where it is come by. */
  readonly atRunTime: boolean
}

const IMPORT = /^\s*(?:import|export)\b[^'"]*?from\s*'([^']+)'|^\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(IMPORT)].map(match => ({
    from: file,
    to: (match[1] ?? match[2] ?? match[3])!,
    typeOnly: /^\s*(?:import|export)\s+type\b/.test(match[0]),
    atRunTime: match[3] !== undefined,
  }))
}

function target({ from, to }: Import): string {
  return to.startsWith('.') ? relative(root, resolve(root, dirname(from), to)).replace(/\.js$/, '.ts') : to
}

/** The unit a core file belongs to: its folder, or `core` for app.ts, command-line.ts and main.ts. */
function unit(file: string): string {
  const [top, second, third] = file.split('/')
  return third === undefined ? top! : `${top}/${second}`
}

const core = sources('core')
const plugins = sources('plugins')
const all = [...core, ...plugins]

test('every folder of core stands on a floor', () => {
  assert.deepEqual(
    [...new Set(core.map(unit))].filter(folder => !FLOORS.has(folder)),
    [],
  )
})

test('core imports only from lower floors', () => {
  const wrong = core.flatMap(importsOf).filter(one => {
    if (!one.to.startsWith('.')) return one.to.startsWith('posthouse')
    const [here, there] = [unit(one.from), unit(target(one))]
    return here !== there && !((FLOORS.get(there) ?? 99) < (FLOORS.get(here) ?? -1))
  })
  assert.deepEqual(wrong, [])
})

test('plugins come in by the doors only: posthouse/api, posthouse/text, their own folder, npm and node', () => {
  const wrong = plugins.flatMap(importsOf).filter(one => {
    if (one.to === 'posthouse/api' || one.to === 'posthouse/text' || one.to.startsWith('node:')) return false
    if (!one.to.startsWith('.')) return one.to.startsWith('posthouse')
    return target(one).split('/').slice(0, 2).join('/') !== one.from.split('/').slice(0, 2).join('/')
  })
  assert.deepEqual(wrong, [])
})

test('npm packages are named in package.json', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object }
  const known = new Set(Object.keys(dependencies))
  const wrong = all.flatMap(importsOf).filter(({ to }) => {
    if (to.startsWith('.') || to.startsWith('node:') || to.startsWith('posthouse/')) return false
    const name = to
      .split('/')
      .slice(0, to.startsWith('@') ? 2 : 1)
      .join('/')
    return !known.has(name)
  })
  assert.deepEqual(wrong, [])
})

test('no file imports itself by a detour', () => {
  // Types of one contract may speak of each other; code may not.
  const graph = new Map(
    all.map(
      file =>
        [
          file,
          importsOf(file)
            .filter(one => one.to.startsWith('.') && !one.typeOnly)
            .map(target),
        ] as const,
    ),
  )
  assert.deepEqual(findCycle(graph), [])
})

// docs/decisions/0072: a start reads its modules before anything else can be done.
test('a start of the server reads no door, and few modules', () => {
  const read = new Set(['core/command-line.ts'])
  for (const file of read)
    for (const one of importsOf(file))
      if (one.to.startsWith('.') && !one.typeOnly && !one.atRunTime) read.add(target(one))
  assert.deepEqual(
    [...read].filter(file => /^core\/(api|text)\/index\.ts$/.test(file)),
    [],
  )
  assert.ok(read.size < 70, `${read.size} modules: ${[...read].join(' ')}`)
})

function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): readonly string[] => {
    const at = path.indexOf(file)
    if (at >= 0) return [...path.slice(at), file]
    if (done.has(file)) return []
    path.push(file)
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next)
      if (cycle.length > 0) return cycle
    }
    path.pop()
    done.add(file)
    return []
  }
  for (const file of graph.keys()) {
    const cycle = visit(file)
    if (cycle.length > 0) return cycle
  }
  return []
}

test('default exports are for plugins alone', () => {
  const wrong = all.filter(file => {
    const isPlugin = /^plugins\/[^/]+\/index\.ts$/.test(file)
    return /^export default/m.test(readFileSync(join(root, file), 'utf8')) !== isPlugin
  })
  assert.deepEqual(wrong, [])
})

test('no committed text holds a path of the machine it was written on', () => {
  const places = [...all, ...sources('test'), ...sources('bench')]
  const wrong = places.filter(file =>
    /(^|[^A-Za-z0-9._/-])\/(work|root|home)\/[a-z]/m.test(readFileSync(join(root, file), 'utf8')),
  )
  assert.deepEqual(wrong, [])
})

test('a source opens with what it is', () => {
  const wrong = all.filter(file => !/^(#!.*\n)?\/\*\*/.test(readFileSync(join(root, file), 'utf8')))
  assert.deepEqual(wrong, [])
})

test('every decision record has a number of its own, and its heading says it', () => {
  const records = readdirSync(join(root, 'docs/decisions')).filter(name => name.endsWith('.md'))
  const numbers = records.map(name => name.slice(0, 4))
  assert.deepEqual(
    numbers.filter((number, at) => numbers.indexOf(number) !== at),
    [],
  )
  for (const name of records)
    assert.match(
      readFileSync(join(root, 'docs/decisions', name), 'utf8'),
      new RegExp(`^# ${name.slice(0, 4)} \\S`),
      name,
    )
})
