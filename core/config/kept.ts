/**
 * What is kept in the data directory so that it need not be worked out again: it counts for the very same program only, and it is of the directory's owner
 * alone, so whoever may write there can do no more than before. Who is somebody else (root, for a command) neither reads nor writes it.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
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
