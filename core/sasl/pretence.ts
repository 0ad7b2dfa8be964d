/**
 * Keys for logins that nobody has. They look like real ones and stay the same from day to day and in every worker, since they are made
 * of the login and a secret of this install: whoever asks for salts does not learn who lives here (RFC 5802 §9).
 */
import { createHmac, randomBytes } from 'node:crypto'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ScramCandidate, ScramKeys, ScramShape } from '../api/index.js'
import { HASHES } from './scram.js'

const SECRET_BYTES = 32

export interface PretendedKeys extends ScramKeys {
  /** Nobody knows a password for it. */
  readonly candidates: readonly [ScramCandidate]
}

/** The directory may take `Ann` and `ann` for the same, so they get the same salt here too. */
export function pretendKeys(
  secret: Buffer,
  mechanism: ScramKeys['mechanism'],
  login: string,
  { iterations, saltBytes }: ScramShape,
): PretendedKeys {
  const [, bytes] = HASHES[mechanism]
  const name = login.normalize('NFC').toLowerCase()
  const part = (what: string, length: number) =>
    createHmac('sha512', secret)
      .update(`${what}\0${mechanism}\0${name}`)
      .digest()
      .subarray(0, length)
      .toString('base64')
  return {
    mechanism,
    salt: part('salt', saltBytes),
    iterations,
    candidates: [{ storedKey: part('stored key', bytes), serverKey: part('server key', bytes) }],
  }
}

/** The install's secret; made by whoever needs it first. Of several workers that make one at the same time, the first wins. */
export async function readSecret(path: string): Promise<Buffer> {
  const found = await read(path)
  if (found !== undefined) return found
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const own = `${path}.${randomBytes(6).toString('hex')}.new`
  await writeFile(own, randomBytes(SECRET_BYTES).toString('base64'), { mode: 0o600 })
  try {
    // unlike a rename, this takes nobody's place
    await link(own, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(own)
  }
  const made = await read(path)
  if (made === undefined) throw new Error(`no secret in ${path}`)
  return made
}

async function read(path: string): Promise<Buffer | undefined> {
  try {
    const secret = Buffer.from(await readFile(path, 'utf8'), 'base64')
    if (secret.length < SECRET_BYTES) throw new Error(`${path} is too short for a secret`)
    return secret
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
