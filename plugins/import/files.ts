/**
 * Reading what users may have made: an admin imports folders in which they could leave links to files that are not theirs. A link is never followed
 * below the folder that was named, and only plain files are read, each up to a bound.
 */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const CHUNK = 256 * 1024
/** Of a line of a list; what is longer is none. */
const MOST_LINE = 8_192
/** Of lists of any kind: a million messages have some 60 MB. */
const MOST_LIST_BYTES = 1024 ** 3

/** Throws what the file system throws, and `ELOOP` for links. */
export async function openPlain(path: string): Promise<FileHandle> {
  // A pipe would wait for who writes into it.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const stats = await file.stat()
  if (stats.isFile()) return file
  await file.close()
  throw Object.assign(new Error(`${path} is no plain file`), { code: 'EINVAL' })
}

/** Octets [from, to) of a file. */
export async function* chunksOf(path: string, from = 0, to = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
  const file = await openPlain(path)
  try {
    for (let at = from; at < to; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(CHUNK, to - at)), 0, undefined, at)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
      at += bytesRead
    }
  } finally {
    await file.close()
  }
}

/** Lines of a list, or none when there is no such file. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  if (!(await isThere(path))) return
  const file = await openPlain(path)
  try {
    const input = file.createReadStream({ encoding: 'utf8', end: MOST_LIST_BYTES, autoClose: false })
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }))
      if (line.length <= MOST_LINE) yield line
  } finally {
    await file.close()
  }
}

/** Files and folders by name, sorted; none when it is no folder or a link. */
export async function namesIn(path: string): Promise<readonly string[]> {
  if (!(await isFolder(path))) return []
  return (await readdir(path)).sort((a, b) => (a < b ? -1 : 1))
}

export async function isFolder(path: string): Promise<boolean> {
  return (await lstatOf(path))?.isDirectory() ?? false
}

export async function isFile(path: string): Promise<boolean> {
  return (await lstatOf(path))?.isFile() ?? false
}

/** Whether it has these as folders. */
export async function hasFolders(path: string, ...names: readonly string[]): Promise<boolean> {
  for (const name of names) if (!(await isFolder(join(path, name)))) return false
  return true
}

/** Milliseconds; `undefined` when it is gone. */
export async function modifiedAt(path: string): Promise<number | undefined> {
  const stats = await lstatOf(path)
  return stats === undefined ? undefined : Math.floor(stats.mtimeMs)
}

async function isThere(path: string): Promise<boolean> {
  return (await lstatOf(path)) !== undefined
}

async function lstatOf(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
