/**
 * The self-signed certificate of an install without one of its own, kept in the data directory.
 * The pair is made in a directory beside and moved there in one step, so that two processes never mix a key with another's certificate.
 */
import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type PemPair, selfSigned } from './certificate.js'

export interface SelfSignedWish {
  readonly selfSignedDir: string
  /** Our host name. */
  readonly name: string
  readonly now: number
}

/** The pair in the directory; made anew when there is none, it has run out or our name has changed. */
export async function ensureSelfSigned(wish: SelfSignedWish): Promise<PemPair> {
  const found = await readPair(wish.selfSignedDir)
  if (found !== undefined && serves(found, wish.name, wish.now)) return found
  const names = [...new Set([wish.name, 'localhost'])]
  const pair = selfSigned({ names: [...names, '127.0.0.1', '::1'], now: wish.now })
  if (found !== undefined) await rename(wish.selfSignedDir, `${wish.selfSignedDir}.until-${wish.now}`)
  await putInPlace(wish.selfSignedDir, pair)
  const made = await readPair(wish.selfSignedDir)
  if (made === undefined) throw new Error(`no certificate in ${wish.selfSignedDir}`)
  return made
}

async function readPair(dir: string): Promise<PemPair | undefined> {
  try {
    const [certificate, key] = await Promise.all([
      readFile(join(dir, 'certificate.pem'), 'utf8'),
      readFile(join(dir, 'key.pem'), 'utf8'),
    ])
    return { certificate, key }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function serves(pair: PemPair, name: string, now: number): boolean {
  const certificate = new X509Certificate(pair.certificate)
  return certificate.checkHost(name) !== undefined && Date.parse(certificate.validTo) > now
}

async function putInPlace(dir: string, pair: PemPair): Promise<void> {
  await mkdir(dirname(dir), { recursive: true, mode: 0o700 })
  const made = await mkdtemp(`${dir}.new-`)
  try {
    await writeFile(join(made, 'certificate.pem'), pair.certificate, { mode: 0o600 })
    await writeFile(join(made, 'key.pem'), pair.key, { mode: 0o600 })
    await rename(made, dir)
  } catch (error) {
    await rm(made, { recursive: true, force: true })
    // another process was quicker; its pair is as good as ours
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
