/**
 * A key of this install: a file of the data directory that only its owner reads, made at the first need. Of several processes that start
 * together the first one counts.
 */
import { randomBytes } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

export const KEY_BYTES = 32

/** Rejects when the file holds anything but a key, or the disk refuses. */
export async function keyIn(path: string): Promise<Buffer> {
  return (await read(path)) ?? (await make(path))
}

async function read(path: string): Promise<Buffer | undefined> {
  try {
    const bytes = await readFile(path)
    if (bytes.length !== KEY_BYTES) throw new Error(`${path} is not a key: expected ${KEY_BYTES} octets`)
    return bytes
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Written aside, and on disk before it is put in place: after a power cut the file is whole, or not there. */
async function make(path: string): Promise<Buffer> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await write(aside)
    await link(aside, path).catch(unlessThere)
  } finally {
    await rm(aside, { force: true })
  }
  // What is made with the key may outlive a power cut, and is worth nothing without it.
  await syncFolder(dirname(path))
  return (await read(path))!
}

/** Another process was first. */
function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}

async function write(path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(randomBytes(KEY_BYTES))
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
