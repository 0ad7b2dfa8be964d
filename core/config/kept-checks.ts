/**
 * Which values have passed which schemas, kept in the data directory: loading ajv and compiling our schemas is a fifth of a start, and configurations hardly
 * change. Of a value its sum is kept and what defaults were filled in, never the value: it may hold secrets. What has faults is never kept.
 */
import { join } from 'node:path'
import type { JsonSchema } from '../api/index.js'
import { hash, isOwn, program, sumOfSchema } from './kept.js'
import { readOwnSync, replaceOwn } from './own-file.js'

const FILE = 'kept-checks.json'
const MAX_BYTES = 4 * 1024 * 1024
/** A configuration has some forty; those of a few others are kept beside. */
const MOST = 200

/** A default, and where it came in. */
type Addition = readonly [path: readonly (string | number)[], value: unknown]
type Additions = readonly Addition[]

export class KeptChecks {
  readonly #place: string
  /** Used last stands last. */
  readonly #known: Map<string, Additions>
  #changed = false

  private constructor(dataDir: string) {
    this.#place = join(dataDir, FILE)
    this.#known = readKnown(this.#place)
  }

  /** Nothing where the directory is not there, or not ours. */
  static in(dataDir: string): KeptChecks | undefined {
    return isOwn(dataDir) ? new KeptChecks(dataDir) : undefined
  }

  /** Fills the defaults in and says that all is well, or knows nothing. */
  passes(schema: JsonSchema, value: unknown): boolean {
    const key = keyOf(schema, value)
    const additions = key === undefined ? undefined : this.#known.get(key)
    if (key === undefined || additions === undefined) return false
    this.#known.delete(key)
    this.#known.set(key, additions)
    for (const addition of additions) add(value, addition)
    return true
  }

  /** To be called before defaults are filled in; what it gives is called with the value that has them. */
  remember(schema: JsonSchema, value: unknown): (checked: unknown) => void {
    const key = keyOf(schema, value)
    if (key === undefined) return () => undefined
    const before = structuredClone(value)
    return checked => {
      const additions = additionsTo(before, checked, [])
      // What came otherwise than by a default has to be found again by who found it.
      if (additions === undefined) return
      this.#known.set(key, structuredClone(additions))
      this.#changed = true
    }
  }

  /** Resolves when what is new is written, or could not be. */
  async save(): Promise<void> {
    if (!this.#changed) return
    this.#changed = false
    // The supervisor and its workers write the same file: what another has added meanwhile stays.
    const others = [...readKnown(this.#place)].filter(([key]) => !this.#known.has(key))
    const all = new Map([...others, ...this.#known])
    const text = JSON.stringify([...all].slice(-MOST))
    if (text.length <= MAX_BYTES / 4) await replaceOwn(this.#place, `${hash(text)}\n${text}`)
  }
}

function readKnown(place: string): Map<string, Additions> {
  try {
    const text = readOwnSync(place, MAX_BYTES).toString('utf8')
    const json = text.slice(text.indexOf('\n') + 1)
    return text.startsWith(`${hash(json)}\n`) ? new Map(JSON.parse(json) as [string, Additions][]) : new Map()
  } catch {
    // not there, not ours, not whole: all the same
    return new Map()
  }
}

/** Nothing for what JSON has no words for. */
function keyOf(schema: JsonSchema, value: unknown): string | undefined {
  let sayable = true
  const json = JSON.stringify(value, (_, inner: unknown) => {
    const type = typeof inner
    const odd = type === 'number' ? !Number.isFinite(inner) : !['string', 'boolean', 'object'].includes(type)
    if (odd || inner instanceof Date) sayable = false
    return odd ? null : inner
  })
  return sayable ? hash([program(), sumOfSchema(schema), json].join('\0')) : undefined
}

type Container = Record<string | number, unknown>

function add(value: unknown, [path, addition]: Addition): void {
  const parent = path.slice(0, -1).reduce<unknown>((at, part) => (at as Container)[part], value) as Container
  parent[path.at(-1)!] = structuredClone(addition)
}

/** `undefined`: something was changed that stood there before. */
function additionsTo(before: unknown, after: unknown, path: readonly (string | number)[]): Addition[] | undefined {
  if (typeof before !== 'object' || before === null || typeof after !== 'object' || after === null)
    return before === after ? [] : undefined
  const found: Addition[] = []
  for (const [name, value] of Object.entries(after)) {
    const key = Array.isArray(after) ? Number(name) : name
    if (!Object.hasOwn(before, name)) {
      found.push([[...path, key], value])
      continue
    }
    const inner = additionsTo((before as Container)[name], value, [...path, key])
    if (inner === undefined) return undefined
    found.push(...inner)
  }
  return found
}
