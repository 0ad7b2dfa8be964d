/**
 * What large YAML files came to, kept in the data directory: reading and checking the rules anew is more than half of a worker's start. Good only for the very
 * same text, schema and program; a file with faults is never kept. It is JSON, and of the data directory's owner alone, so whoever may write there can do no more
 * than before: who is somebody else (root, for a command) neither reads nor writes it. Trouble with it is no trouble: the file is read as if nothing were kept.
 */
import { createHash, randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../api/index.js'

const FOLDER = 'kept-yaml'
/** What makes a value of a text: with another build of these nothing that is kept counts. */
const MAKERS = ['yaml.js', 'check.js', 'formats.js', 'kept-yaml.js']

export interface Checked {
  readonly path: string
  readonly text: string
  readonly schema: JsonSchema
}

interface Entry {
  readonly key: string
  readonly value: unknown
}

export class KeptYaml {
  readonly #folder: string
  readonly #schemas = new WeakMap<object, string>()

  private constructor(dataDir: string) {
    this.#folder = join(dataDir, FOLDER)
  }

  /** Nothing where the directory is not there, or not ours. */
  static in(dataDir: string): KeptYaml | undefined {
    const owner = statSync(dataDir, { throwIfNoEntry: false })?.uid
    return owner !== undefined && owner === process.geteuid?.() ? new KeptYaml(dataDir) : undefined
  }

  /** The value with its defaults, or nothing. */
  async read(checked: Checked): Promise<{ readonly value: unknown } | undefined> {
    try {
      const entry = JSON.parse(await readFile(this.#place(checked), 'utf8')) as Partial<Entry>
      return entry.key === this.#keyOf(checked) && entry.value !== undefined ? { value: entry.value } : undefined
    } catch {
      // not there, half of it, no JSON: all the same
      return undefined
    }
  }

  async keep(checked: Checked, value: unknown): Promise<void> {
    const json = JSON.stringify({ key: this.#keyOf(checked), value } satisfies Entry)
    // `.nan`, and what else JSON has no words for
    if (!isDeepStrictEqual((JSON.parse(json) as Entry).value, value)) return
    const place = this.#place(checked)
    const fresh = `${place}.${randomBytes(6).toString('hex')}`
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      await writeFile(fresh, json, { mode: 0o600, flag: 'wx' })
      await rename(fresh, place)
    } catch {
      // a full disk: read anew the next time
      await rm(fresh, { force: true })
    }
  }

  #place({ path }: Checked): string {
    return join(this.#folder, `${hash(path).slice(0, 32)}.json`)
  }

  #keyOf({ text, schema }: Checked): string {
    let described = this.#schemas.get(schema)
    if (described === undefined) {
      described = hash(JSON.stringify(schema))
      this.#schemas.set(schema, described)
    }
    return hash([program(), described, text].join('\0'))
  }
}

let ours: string | undefined

function program(): string {
  ours ??= MAKERS.map(name => statSync(fileURLToPath(new URL(name, import.meta.url))))
    .map(({ size, mtimeMs }) => `${size} ${mtimeMs}`)
    .join()
  return ours
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
