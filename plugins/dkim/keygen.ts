/** Makes a key: in a file that only its owner may read, whole or not at all, and never in the place of another one. */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { chown, link, mkdir, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

export type KeyType = 'rsa' | 'ed25519'

const generate = promisify(generateKeyPair)

export async function makeKey(type: KeyType, bits: number): Promise<KeyObject> {
  const pair = type === 'rsa' ? await generate('rsa', { modulusLength: bits }) : await generate('ed25519')
  return pair.privateKey
}

/** Resolves to false when there is a file of that name; `owner`: the directory whose owner shall own it. */
export async function putKey(path: string, key: KeyObject, owner: string): Promise<boolean> {
  const folder = dirname(path)
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  const aside = `${path}.new`
  await rm(aside, { force: true })
  const file = await open(aside, 'wx', 0o600)
  try {
    await file.writeFile(key.export({ format: 'pem', type: 'pkcs8' }))
    await file.sync()
  } finally {
    await file.close()
  }
  // The server need not run as who made the key.
  for (const own of [aside, folder, ...(made === undefined ? [] : [made])]) await handOver(own, owner)
  try {
    await link(aside, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(aside, { force: true })
  }
}

async function handOver(path: string, owner: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(owner)
  if (uid !== 0) await chown(path, uid, gid)
}
