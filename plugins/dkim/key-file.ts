/**
 * A private key in a file: read with suspicion, since whoever else can read it can write mail in our name. Nothing of its content is ever
 * part of a message or a log line.
 */
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { SigningKey } from 'posthouse/api'

export interface LoadedKey {
  readonly key: KeyObject
  readonly algorithm: SigningKey['algorithm']
  /** Of an RSA key. */
  readonly bits?: number
  /** When the file was written; milliseconds since the epoch. */
  readonly written: number
}

/** It cannot be used; with what is known of it all the same. */
export interface Trouble extends Partial<Pick<LoadedKey, 'algorithm' | 'written'>> {
  readonly kind: 'trouble'
  readonly why: string
}

export type ReadKey = { readonly kind: 'key'; readonly loaded: LoadedKey } | Trouble

const MAX_BYTES = 64 * 1024
/** RFC 8301 §3.2: nothing shorter is ever signed with. */
const LEAST_BITS = 1024
const MOST_BITS = 8192

/** Never throws: what is wrong is said in words, without a word of the file. */
export async function readKeyFile(path: string): Promise<ReadKey> {
  let file: Awaited<ReturnType<typeof open>> | undefined
  try {
    // no waiting for the other end of a pipe
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const { mode, size, mtimeMs } = await file.stat()
    const why = unfit(mode, size)
    if (why !== undefined) return { kind: 'trouble', why, written: mtimeMs }
    const read = keyOf(await file.readFile(), mtimeMs)
    return (mode & 0o077) === 0 ? read : exposed(read, mode)
  } catch (error) {
    return { kind: 'trouble', why: inWords((error as NodeJS.ErrnoException).code) }
  } finally {
    await file?.close()
  }
}

function unfit(mode: number, size: number): string | undefined {
  if ((mode & constants.S_IFMT) !== constants.S_IFREG) return 'it is no file'
  return size > MAX_BYTES ? 'it is too large for a key' : undefined
}

/** Not to be used, of whatever kind it is. */
function exposed(read: ReadKey, mode: number): Trouble {
  const facts = read.kind === 'key' ? { algorithm: read.loaded.algorithm, written: read.loaded.written } : read
  const octal = (mode & 0o777).toString(8).padStart(4, '0')
  return { ...facts, kind: 'trouble', why: `others may read or write it (mode ${octal}): chmod 600` }
}

function inWords(code: string | undefined): string {
  if (code === 'ENOENT') return 'there is no such file'
  return code === 'EACCES'
    ? 'we may not read it: it belongs to somebody else'
    : `it cannot be read (${code ?? 'unknown'})`
}

function keyOf(pem: Buffer, written: number): ReadKey {
  const key = privateKey(pem)
  if (key === undefined)
    return { kind: 'trouble', written, why: 'there is no private key in it that needs no passphrase, in PEM' }
  if (key.asymmetricKeyType === 'ed25519') return { kind: 'key', loaded: { key, algorithm: 'ed25519-sha256', written } }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (key.asymmetricKeyType !== 'rsa')
    return { kind: 'trouble', written, why: 'it is neither an RSA nor an Ed25519 key' }
  if (bits < LEAST_BITS || bits > MOST_BITS)
    return {
      ...{ kind: 'trouble', algorithm: 'rsa-sha256', written },
      why: `its RSA key has ${bits} bits; ${LEAST_BITS} to ${MOST_BITS} can be used, 2048 are right`,
    }
  return { kind: 'key', loaded: { key, algorithm: 'rsa-sha256', bits, written } }
}

function privateKey(pem: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    // the reason may tell of the content
    return undefined
  }
}

export function signingKey(domain: string, selector: string, { key, algorithm, bits = 0 }: LoadedKey): SigningKey {
  return {
    domain,
    selector,
    algorithm,
    signatureBytes: algorithm === 'rsa-sha256' ? Math.ceil(bits / 8) : 64,
    sign: octets => (algorithm === 'rsa-sha256' ? signRsa(octets, key) : signEd25519(octets, key)),
  }
}

/** In another thread: it takes a millisecond. */
function signRsa(octets: Buffer, key: KeyObject): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign('sha256', octets, key, (error, signature) => (error === null ? resolve(signature) : reject(error)))
  })
}

/** RFC 8463 §3: PureEdDSA of the SHA-256. */
async function signEd25519(octets: Buffer, key: KeyObject): Promise<Buffer> {
  return sign(null, createHash('sha256').update(octets).digest(), key)
}
