/**
 * Reads files of the admin: text with a bound, YAML with schema and places. Plugins get it as `context.files`.
 * A wrong or missing file is a fault with a place, never an exception.
 */
import { existsSync, statSync } from 'node:fs'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import type { Fault, Files, Infer, JsonSchema, YamlFile, YamlPath } from '../api/index.js'
import { namesInList } from '../text/name-list.js'
import type { KeptChecks } from './kept-checks.js'
import type { KeptYaml } from './kept-yaml.js'
import { type KnownYaml, YamlSource } from './yaml.js'

const MAX_BYTES = 16 * 1024 * 1024
/** Seen from where this file is built to. */
const SHIPPED_LISTS = new URL('../../../rules/lists/', import.meta.url)

/** What need not be worked out again; each where it is kept at all. */
export interface Kept {
  readonly yaml?: KeptYaml | undefined
  readonly checks?: KeptChecks | undefined
}

/** `dir` is the config directory. */
export function filesIn(dir: string, kept: Kept = {}): Files {
  return {
    shippedNames: async list => new Set(namesInList(await readFile(new URL(`${list}.txt`, SHIPPED_LISTS), 'utf8'))),
    resolve: name => resolve(dir, name),
    yaml: (name, schema, { optional = false, large = false } = {}) =>
      large !== false && kept.yaml !== undefined
        ? readLarge(resolve(dir, name), schema, { optional, placed: large === 'placed' }, kept.yaml)
        : readYaml(resolve(dir, name), schema, optional, kept.checks),
  }
}

export async function readYaml<S extends JsonSchema>(
  path: string,
  schema: S,
  optional = false,
  kept?: KeptChecks,
): Promise<YamlFile<Infer<S>>> {
  const read = await readText(path)
  return read.text === undefined ? notThere(path, read, optional) : checkedFile(path, read.text, schema, kept)
}

/** The same, by what it came to the last time where that is kept. */
async function readLarge<S extends JsonSchema>(
  path: string,
  schema: S,
  { optional, placed }: { readonly optional: boolean; readonly placed: boolean },
  kept: KeptYaml,
): Promise<YamlFile<Infer<S>>> {
  const read = await readText(path)
  if (read.text === undefined) return notThere(path, read, optional)
  const { text } = read
  const checked = { path, text, schema, placed }
  const there = await kept.read(checked)
  if (there === undefined) {
    const file = checkedFile(path, text, schema)
    const { value } = file
    if (value !== undefined) await kept.keep(checked, placed ? { value, places: placesIn(file) } : value)
    return file
  }
  const { value, places } = placed ? (there.value as Placed) : { value: there.value, places: [] }
  const known = new Map(places.map(([at, ...place]) => [JSON.stringify(at), place]))
  // Others are asked for when there is something to say: hardly ever.
  let source: YamlSource | undefined
  const sourceOf = () => {
    source ??= new YamlSource(shownPath(path), text)
    return source
  }
  return {
    path,
    missing: false,
    value: value as Infer<S>,
    faults: [],
    at(at: YamlPath) {
      const [line, column] = known.get(JSON.stringify(at)) ?? []
      return line === undefined || column === undefined ? sourceOf().at(at) : { line, column }
    },
    fault: (at: YamlPath, message: string) => sourceOf().fault(at, message),
  }
}

type Places = readonly (readonly [path: YamlPath, line: number, column: number])[]

interface Placed {
  readonly value: unknown
  readonly places: Places
}

const PLACED_DEPTH = 3

/** Of values that stand so deep at most. */
function placesIn({ value, at }: Pick<YamlFile<unknown>, 'value' | 'at'>): Places {
  const pathsBelow = (inner: unknown, path: YamlPath): YamlPath[] => {
    if (typeof inner !== 'object' || inner === null || path.length === PLACED_DEPTH) return [path]
    const below = Array.isArray(inner) ? [...inner.entries()] : Object.entries(inner)
    return [path, ...below.flatMap(([key, next]) => pathsBelow(next, [...path, key]))]
  }
  return pathsBelow(value, []).map(path => {
    const { line, column } = at(path)
    return [path, line, column]
  })
}

function notThere<T>(path: string, { missing, fault }: NoText, optional: boolean): YamlFile<T> {
  return unread(path, missing, optional && missing ? [] : [fault])
}

function checkedFile<S extends JsonSchema>(
  path: string,
  text: string,
  schema: S,
  kept?: KeptChecks,
): YamlFile<Infer<S>> {
  const source = new YamlSource(shownPath(path), text)
  const checked = source.broken ? { faults: [] } : source.check(schema, [], kept)
  const faults = inOrder([...source.faults, ...checked.faults])
  return {
    path,
    missing: false,
    value: faults.length > 0 ? undefined : checked.value,
    faults,
    at: (at: YamlPath) => source.at(at),
    fault: (at: YamlPath, message: string) => source.fault(at, message),
  }
}

export type ReadSource =
  | { readonly source: YamlSource }
  | { readonly source?: undefined; readonly missing: boolean; readonly fault: Fault }

/** `known`: what another process has read there; nothing is read then. */
export async function readSource(path: string, known?: KnownYaml): Promise<ReadSource> {
  if (known !== undefined) return { source: new YamlSource(shownPath(path), known.text, known.json) }
  const read = await readText(path)
  return read.text === undefined ? read : { source: new YamlSource(shownPath(path), read.text) }
}

interface NoText {
  readonly text?: undefined
  readonly missing: boolean
  readonly fault: Fault
}

async function readText(path: string): Promise<{ readonly text: string } | NoText> {
  const fault = (message: string): Fault => ({ file: shownPath(path), line: 1, column: 1, message })
  try {
    const text = await readBounded(path)
    return text === undefined ? { missing: false, fault: fault(`larger than ${MAX_BYTES} bytes`) } : { text }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const missing = code === 'ENOENT'
    const told = code === 'ENOTDIR' ? 'not in a directory; --config names the directory of server.yaml' : undefined
    return { missing, fault: fault(missing ? 'there is no such file' : (told ?? `cannot be read: ${code ?? message}`)) }
  }
}

/**
 * With what is missing above it. Not by `recursive: true`: where nothing can be made and the system says ENOENT, as under /proc,
 * Node tries that for ever.
 */
export async function makeDir(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error
    await makeDir(dirname(path), mode)
    await makeDir(path, mode)
  }
}

/** As people write it: relative when it lies below where they stand. */
export function shownPath(path: string): string {
  const near = relative(process.cwd(), path)
  return near === '' || near.startsWith('..') || isAbsolute(near) ? path : near
}

export function inOrder(faults: readonly Fault[]): readonly Fault[] {
  const seen = new Set<string>()
  return faults
    .filter(f => {
      const key = `${f.file}:${f.line}:${f.column}:${f.message}`
      return !seen.has(key) && seen.add(key)
    })
    .sort((a, b) => Number(a.file > b.file) - Number(a.file < b.file) || a.line - b.line || a.column - b.column)
}

function unread<T>(path: string, missing: boolean, faults: readonly Fault[]): YamlFile<T> {
  const start = { line: 1, column: 1 }
  return {
    path,
    missing,
    value: undefined,
    faults,
    at: () => start,
    fault: (_, message) => ({ file: shownPath(path), ...start, message }),
  }
}

async function readBounded(path: string): Promise<string | undefined> {
  const file = await open(path)
  try {
    if ((await file.stat()).size > MAX_BYTES) return undefined
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}
