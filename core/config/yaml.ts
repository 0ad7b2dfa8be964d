/**
 * One YAML text with the place of every value, so that each fault comes out as file:line:column.
 * A key without a value counts as left out: an admin who comments out all of a section's lines means its defaults.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, visit } from 'yaml'
import type { Fault, Infer, JsonSchema, YamlPath } from '../api/index.js'
import { checkBySchema } from './check.js'
import type { KeptChecks } from './kept-checks.js'

export interface Place {
  readonly line: number
  readonly column: number
}

interface Found {
  readonly key?: number | undefined
  readonly value: number
}

export class YamlSource {
  readonly #doc
  readonly #lines = new LineCounter()
  /** Syntax and duplicate keys. */
  readonly faults: readonly Fault[]
  /** The structure cannot be relied on. */
  readonly broken: boolean

  /** `file` is how faults name it. */
  constructor(
    readonly file: string,
    text: string,
  ) {
    this.#doc = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: true })
    const errors = [...this.#doc.errors, ...this.#doc.warnings]
    const wild = errors.some(e => e.code !== 'DUPLICATE_KEY') ? [] : this.#wildAliases()
    this.faults = [...errors.map(e => ({ file, ...this.#place(e.pos[0]), message: firstLine(e.message) })), ...wild]
    this.broken = wild.length > 0 || errors.some(e => e.code !== 'DUPLICATE_KEY')
  }

  /** A fresh copy of the value at `path`, without the keys that have none. */
  value(path: YamlPath = []): unknown {
    const node = path.reduce<unknown>((at, part) => this.#child(at, part)?.value, this.#doc.contents)
    return withoutEmptyKeys(isNode(node) ? node.toJS(this.#doc) : (node ?? null))
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
    visit(this.#doc, {
      Alias: (_, alias, above) => {
        const meant = alias.resolve(this.#doc)
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
      this.#doc.toJS()
      return []
    } catch (error) {
      return [{ file: this.file, line: 1, column: 1, message: firstLine((error as Error).message) }]
    }
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }

  /** Of something missing, its nearest parent. */
  #find(path: YamlPath): Found {
    let node: unknown = this.#doc.contents
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
    const node = isAlias(parent) ? parent.resolve(this.#doc) : parent
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

function isNode(value: unknown): value is Node {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value)
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
