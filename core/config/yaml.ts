/**
 * One YAML text with the place of every value, so that each fault comes out as file:line:column.
 * A key without a value counts as left out: an admin who comments out all of a section's lines means its defaults.
 */
import { createRequire } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import type * as Library from 'yaml'
import type { Document, LineCounter, Node, Pair } from 'yaml'
import type { Fault, Infer, JsonSchema, YamlPath } from '../api/index.js'
import { checkBySchema } from './check.js'
import type { KeptChecks } from './kept-checks.js'

export interface Place {
  readonly line: number
  readonly column: number
}

/** What a text without faults came to, from the process that has read it to one that has not. */
export interface KnownYaml {
  readonly text: string
  readonly json: string
}

/** A channel between processes is no place for more. */
const MAX_KNOWN = 1024 * 1024

const require = createRequire(import.meta.url)
/** Its seventy modules are loaded when something is to be read: a worker that is told what its files came to needs none of them. */
let loaded: typeof Library | undefined
const library = (): typeof Library => (loaded ??= require('yaml') as typeof Library)

interface Read {
  readonly doc: Document
  readonly lines: LineCounter
}

interface Found {
  readonly key?: number | undefined
  readonly value: number
}

export class YamlSource {
  readonly #text: string
  readonly #known: { readonly value: unknown } | undefined
  #read: Read | undefined
  /** Syntax and duplicate keys. */
  readonly faults: readonly Fault[]
  /** The structure cannot be relied on. */
  readonly broken: boolean

  /** `file` is how faults name it. `known`: what this very text came to elsewhere, as JSON; then it is read only when places are asked for. */
  constructor(
    readonly file: string,
    text: string,
    known?: string,
  ) {
    this.#text = text
    this.#known = known === undefined ? undefined : { value: JSON.parse(known) as unknown }
    if (known !== undefined) {
      this.faults = []
      this.broken = false
      return
    }
    const { doc } = this.#reading
    const errors = [...doc.errors, ...doc.warnings]
    const wild = errors.some(e => e.code !== 'DUPLICATE_KEY') ? [] : this.#wildAliases()
    this.faults = [...errors.map(e => ({ file, ...this.#place(e.pos[0]), message: firstLine(e.message) })), ...wild]
    this.broken = wild.length > 0 || errors.some(e => e.code !== 'DUPLICATE_KEY')
  }

  /** A fresh copy of the value at `path`, without the keys that have none. */
  value(path: YamlPath = []): unknown {
    if (this.#known !== undefined) return structuredClone(valueAt(this.#known.value, path))
    const { doc } = this.#reading
    const node = path.reduce<unknown>((at, part) => this.#child(at, part)?.value, doc.contents)
    return withoutEmptyKeys(isNode(node) ? node.toJS(doc) : (node ?? null))
  }

  /** For another process; nothing where there are faults, where JSON has no words for it (`.nan`), or where it is long. */
  known(): KnownYaml | undefined {
    if (this.faults.length > 0 || this.#text.length > MAX_KNOWN) return undefined
    const value = this.value()
    const json = JSON.stringify(value)
    return json.length <= MAX_KNOWN && isDeepStrictEqual(JSON.parse(json), value)
      ? { text: this.#text, json }
      : undefined
  }

  get #reading(): Read {
    this.#read ??= readText(this.#text)
    return this.#read
  }

  at(path: YamlPath): Place {
    return this.#place(this.#find(path).value)
  }

  atKey(path: YamlPath): Place {
    const found = this.#find(path)
    return this.#place(found.key ?? found.value)
  }

  fault(path: YamlPath, message: string): Fault {
    return { file: this.file, ...this.at(path), message }
  }

  /** Checks what stands at `path`. Faults of syntax are not repeated here. */
  check<S extends JsonSchema>(
    schema: S,
    path: YamlPath = [],
    kept?: KeptChecks,
  ): { value?: Infer<S>; faults: readonly Fault[] } {
    const value = this.value(path) ?? emptyOf(schema)
    const faults = checkBySchema(schema, value, kept).map(complaint => {
      const full = [...path, ...complaint.path]
      const place = complaint.key ? this.atKey(full) : this.at(full)
      return { file: this.file, ...place, message: complaint.message }
    })
    return faults.length > 0 ? { faults } : { value: value as Infer<S>, faults }
  }

  /** Aliases to nowhere or to what they stand in, and so many of them that they would fill the memory; the library throws only when values are asked for. */
  #wildAliases(): readonly Fault[] {
    const faults: Fault[] = []
    const { doc } = this.#reading
    library().visit(doc, {
      Alias: (_, alias, above) => {
        const meant = alias.resolve(doc)
        if (meant !== undefined && !above.includes(meant)) return
        const place = this.#place(alias.range?.[0] ?? 0)
        const message =
          meant === undefined
            ? `there is no anchor &${alias.source} before this`
            : `*${alias.source} stands inside of what it repeats`
        faults.push({ file: this.file, ...place, message })
      },
    })
    if (faults.length > 0) return faults
    try {
      doc.toJS()
      return []
    } catch (error) {
      return [{ file: this.file, line: 1, column: 1, message: firstLine((error as Error).message) }]
    }
  }

  #place(offset: number): Place {
    const { line, col } = this.#reading.lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }

  /** Of something missing, its nearest parent. */
  #find(path: YamlPath): Found {
    let node: unknown = this.#reading.doc.contents
    let found: Found = { value: startOf(node) ?? 0 }
    for (const part of path) {
      const child = this.#child(node, part)
      if (child === undefined) break
      const key = startOf(child.key)
      found = { key, value: startOf(child.value) ?? key ?? found.value }
      node = child.value
    }
    return found
  }

  #child(parent: unknown, part: string | number): { key?: unknown; value: unknown } | undefined {
    const { isAlias, isMap, isScalar, isSeq } = library()
    const node = isAlias(parent) ? parent.resolve(this.#reading.doc) : parent
    if (isSeq(node)) {
      const item = node.items[Number(part)]
      return item === undefined ? undefined : { value: item }
    }
    if (!isMap(node)) return undefined
    const pair = (node.items as Pair[]).find(p => String(isScalar(p.key) ? p.key.value : p.key) === String(part))
    if (pair === undefined) return undefined
    // `key:` with nothing behind it has a node of no length that may stand lines below
    const empty = isScalar(pair.value) && pair.value.value === null && pair.value.source === ''
    return { key: pair.key, value: empty ? undefined : pair.value }
  }
}

function readText(text: string): Read {
  const { LineCounter, parseDocument } = library()
  const lines = new LineCounter()
  return { lines, doc: parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true }) }
}

function valueAt(value: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>(
    (at, part) => (typeof at === 'object' && at !== null && Object.hasOwn(at, part) ? Reflect.get(at, part) : null),
    value,
  )
}

function isNode(value: unknown): value is Node {
  return library().isNode(value)
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}

function emptyOf(schema: JsonSchema): unknown {
  return schema.type === 'array' ? [] : schema.type === 'object' ? {} : null
}

function withoutEmptyKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutEmptyKeys(inner)]),
  )
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}
