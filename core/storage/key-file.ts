/**
 * A key of this install: a file of the data directory that only its owner reads, made at the first need. Of several processes that start
 * together the first one counts.
 */
import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'

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

/** Written aside and put in place whole. */
async function make(path: string): Promise<Buffer> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(aside, randomBytes(KEY_BYTES), { mode: 0o600, flag: 'wx' })
  try {
    await link(aside, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(aside, { force: true })
  }
  return (await read(path))!
}
