/**
 * What YAML files without secrets came to, kept in the data directory: reading and checking the rules anew is more than half of a worker's start. Good only for the very
 * same text, schema and program, and as it was written; a file with faults is never kept. It is JSON. Trouble with it is no trouble: the file is read as if
 * nothing were kept.
 */
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../api/index.js'
import { hash, isOwn, program, sumOfSchema } from './kept.js'
import { needOwn, READ_OWN, replaceOwn } from './own-file.js'

const FOLDER = 'kept-yaml'
const MAX_BYTES = 64 * 1024 * 1024
/** A file for each YAML file that is kept: some fifty are shipped. */
const MAX_FILES = 200
/** Who was killed while writing leaves half a file of another name. */
const LEFT_BEHIND_MS = 3_600_000

export interface Checked {
  readonly path: string
  readonly text: string
  readonly schema: JsonSchema
  /** Places are kept beside the value. */
  readonly placed?: boolean
}

export class KeptYaml {
  readonly #folder: string

  private constructor(dataDir: string) {
    this.#folder = join(dataDir, FOLDER)
  }

  /** Nothing where the directory is not there, or not ours. */
  static in(dataDir: string): KeptYaml | undefined {
    return isOwn(dataDir) ? new KeptYaml(dataDir) : undefined
  }

  /** The value with its defaults, or nothing. */
  async read(checked: Checked): Promise<{ readonly value: unknown } | undefined> {
    try {
      const [key, sum, json = ''] = partsOf(await readOwn(this.#place(checked)))
      if (key !== keyOf(checked) || sum !== hash(json)) return undefined
      return { value: JSON.parse(json) }
    } catch {
      // not there, not ours: all the same
      return undefined
    }
  }

  async keep(checked: Checked, value: unknown): Promise<void> {
    try {
      const json = JSON.stringify(value)
      // `.nan`, and what else JSON has no words for
      if (json.length > MAX_BYTES / 4 || !isDeepStrictEqual(JSON.parse(json), value)) return
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      await this.#makeRoom()
      await replaceOwn(this.#place(checked), `${keyOf(checked)}\n${hash(json)}\n${json}`)
    } catch {
      // a full disk, a folder that is none: read anew the next time
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

  /** Two plugins may read one file, each in its own way. */
  #place({ path, schema, placed = false }: Checked): string {
    return join(this.#folder, `${hash([path, sumOfSchema(schema), placed].join('\0')).slice(0, 32)}.json`)
  }
}

function keyOf({ text, schema }: Checked): string {
  return hash([program(), sumOfSchema(schema), text].join('\0'))
}

/** Key, sum of the rest, and the rest. */
function partsOf(text: string): readonly string[] {
  const first = text.indexOf('\n')
  const second = text.indexOf('\n', first + 1)
  return [text.slice(0, first), text.slice(first + 1, second), text.slice(second + 1)]
}

async function readOwn(path: string): Promise<string> {
  const file = await open(path, READ_OWN)
  try {
    needOwn(await file.stat(), MAX_BYTES)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}
