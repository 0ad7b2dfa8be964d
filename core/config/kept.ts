/**
 * What is kept in the data directory so that it need not be worked out again: it counts for the very same program only, and it is of the directory's owner
 * alone, so whoever may write there can do no more than before. Who is somebody else (root, for a command) neither reads nor writes it.
 */
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What makes a value of a text: with another build of these nothing that is kept counts. */
const MAKERS = ['yaml.js', 'check.js', 'formats.js', 'kept.js', 'kept-yaml.js', 'kept-checks.js']
const LIBRARIES = ['yaml', 'ajv', 'ajv-formats']

/** Whether the directory is there, and this process's own. */
export function isOwn(dataDir: string): boolean {
  const owner = ownerOf(dataDir)
  return owner !== undefined && owner === process.geteuid?.()
}

/** To open files with: no links, and nothing that lets a reader wait. */
export const READ_OWN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export interface About {
  isFile(): boolean
  readonly uid: number
  readonly mode: number
  readonly size: number
}

/** Throws unless nobody but us can have written it. */
export function needOwn(about: About, maxBytes: number): void {
  const ours = about.isFile() && about.uid === process.geteuid?.() && (about.mode & 0o022) === 0
  if (!ours || about.size > maxBytes) throw new Error('not ours')
}

/** Throws when it is not there, or not ours. */
export function readOwnSync(path: string, maxBytes: number): string {
  const file = openSync(path, READ_OWN)
  try {
    needOwn(fstatSync(file), maxBytes)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

/** Whole or not at all, whoever writes it at the same time. Trouble is no trouble: it is made anew the next time. */
export async function replaceOwn(place: string, text: string): Promise<void> {
  const fresh = `${place}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(fresh, text, { mode: 0o600, flag: 'wx' })
    await rename(fresh, place)
  } catch {
    await rm(fresh, { force: true }).catch(() => undefined)
  }
}

export function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

let ours: string | undefined

/** Of what is small and decides, the octets: a package may give all its files one time. */
export function program(): string {
  ours ??= hash([...MAKERS.map(contents), contents('../../../package.json'), ...libraries(), ...texts()].join('\0'))
  return ours
}

const schemas = new WeakMap<object, string>()

export function sumOfSchema(schema: object): string {
  let sum = schemas.get(schema)
  if (sum === undefined) {
    sum = hash(JSON.stringify(schema))
    schemas.set(schema, sum)
  }
  return sum
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

/** Nothing where there is no such directory, or a file in its place or above it: that is a fault of the configuration, told elsewhere. */
function ownerOf(dataDir: string): number | undefined {
  try {
    return statSync(dataDir).uid
  } catch {
    return undefined
  }
}
