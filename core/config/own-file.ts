/** Files of the data directory that only this process's owner can have written, and that can be made anew whenever they are not there. */
import { randomBytes } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'

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
export function readOwnSync(path: string, maxBytes: number): Buffer {
  const file = openSync(path, READ_OWN)
  try {
    needOwn(fstatSync(file), maxBytes)
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

/** Whole or not at all, whoever writes it at the same time. Trouble is no trouble: it is made anew the next time. */
export async function replaceOwn(place: string, content: string | Buffer): Promise<void> {
  const fresh = `${place}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(fresh, content, { mode: 0o600, flag: 'wx' })
    await rename(fresh, place)
  } catch {
    await rm(fresh, { force: true }).catch(() => undefined)
  }
}
