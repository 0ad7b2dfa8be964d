/**
 * What large YAML files came to, kept in the data directory: reading and checking the rules anew is more than half of a worker's start. Good only for the very
 * same text, schema and program, and as it was written; a file with faults is never kept. It is JSON, and of the data directory's owner alone, so whoever may
 * write there can do no more than before: who is somebody else (root, for a command) neither reads nor writes it. Trouble with it is no trouble: the file is read
 * as if nothing were kept.
 */
import { createHash, randomBytes } from 'node:crypto'
import { constants, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../api/index.js'

const FOLDER = 'kept-yaml'
/** What makes a value of a text: with another build of these nothing that is kept counts. */
const MAKERS = ['yaml.js', 'check.js', 'formats.js', 'kept-yaml.js']
const LIBRARIES = ['yaml', 'ajv', 'ajv-formats']
const MAX_BYTES = 64 * 1024 * 1024
/** A file for each YAML file that is large: some fifty are shipped. */
const MAX_FILES = 200
/** Who was killed while writing leaves half a file of another name. */
const LEFT_BEHIND_MS = 3_600_000

export interface Checked {
  readonly path: string
  readonly text: string
  readonly schema: JsonSchema
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
      const [key, sum, json = ''] = partsOf(await readOwn(this.#place(checked)))
      if (key !== this.#keyOf(checked) || sum !== hash(json)) return undefined
      return { value: JSON.parse(json) }
    } catch {
      // not there, not ours: all the same
      return undefined
    }
  }

  async keep(checked: Checked, value: unknown): Promise<void> {
    const place = this.#place(checked)
    const fresh = `${place}.${randomBytes(6).toString('hex')}`
    try {
      const json = JSON.stringify(value)
      // `.nan`, and what else JSON has no words for
      if (json.length > MAX_BYTES / 4 || !isDeepStrictEqual(JSON.parse(json), value)) return
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      await this.#makeRoom()
      await writeFile(fresh, `${this.#keyOf(checked)}\n${hash(json)}\n${json}`, { mode: 0o600, flag: 'wx' })
      await rename(fresh, place)
    } catch {
      // a full disk, a folder that is none: read anew the next time
      await rm(fresh, { force: true }).catch(() => undefined)
    }
  }

  /** Files that nobody asks for any more have no owner: where there are too many, all go and those in use come again. */
  async #makeRoom(): Promise<void> {
    const names = await readdir(this.#folder)
    const kept = names.filter(name => name.endsWith('.json'))
    const before = Date.now() - LEFT_BEHIND_MS
    for (const name of kept.length < MAX_FILES ? names.filter(name => !name.endsWith('.json')) : names) {
      const place = join(this.#folder, name)
      if (kept.length >= MAX_FILES || (await stat(place)).mtimeMs < before) await rm(place, { force: true })
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

/** Key, sum of the rest, and the rest. */
function partsOf(text: string): readonly string[] {
  const first = text.indexOf('\n')
  const second = text.indexOf('\n', first + 1)
  return [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)]
}

/** Throws unless it is a file that nobody but us can have written. */
async function readOwn(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const about = await file.stat()
    const ours = about.isFile() && about.uid === process.geteuid?.() && (about.mode & 0o022) === 0
    if (!ours || about.size > MAX_BYTES) throw new Error('not ours')
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

let ours: string | undefined

/** Of what is small and decides, the octets: a package may give all its files one time. */
function program(): string {
  ours ??= hash([...MAKERS.map(contents), contents('../../../package.json'), ...libraries(), ...texts()].join('\0'))
  return ours
}

function contents(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}

function libraries(): readonly string[] {
  const require = createRequire(import.meta.url)
  return LIBRARIES.map(name => (require(`${name}/package.json`) as { readonly version: string }).version)
}

/** Formats are read by core/text. */
function texts(): readonly string[] {
  const folder = fileURLToPath(new URL('../text/', import.meta.url))
  return readdirSync(folder)
    .filter(name => name.endsWith('.js'))
    .sort()
    .map(name => {
      const { size, mtimeMs } = statSync(join(folder, name))
      return `${name} ${size} ${mtimeMs}`
    })
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
