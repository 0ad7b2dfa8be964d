/**
 * Where TLS gets its certificate: the admin's files, or a self-signed one kept in the data directory.
 * The pair is made in a directory beside and moved there in one step, so that two processes never mix a key with another's certificate.
 */
import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { type PemPair, selfSigned } from './certificate.js'
import type { TlsSource } from './types.js'

export interface TlsWish {
  readonly certificate?: string
  readonly key?: string
  /** Directory of the self-signed pair, used when no files are named. */
  readonly selfSignedDir: string
  /** Our host name. */
  readonly name: string
  readonly now: number
  /** 48 bytes shared by all workers; without it sessions resume in one process only. */
  readonly ticketKeys?: Buffer
}

/** Throws when the files cannot be read or do not belong together: nothing is opened with half a certificate. */
export async function openTls(wish: TlsWish): Promise<TlsSource> {
  const pair = await pairOf(wish)
  const context = createSecureContext({
    cert: pair.certificate,
    key: pair.key,
    // RFC 8996: nothing older
    minVersion: 'TLSv1.2',
    ...(wish.ticketKeys && { ticketKeys: wish.ticketKeys }),
  })
  return { context: () => context }
}

async function pairOf(wish: TlsWish): Promise<PemPair> {
  if (wish.certificate === undefined || wish.key === undefined) return await ensureSelfSigned(wish)
  const [certificate, key] = await Promise.all([readFile(wish.certificate, 'utf8'), readFile(wish.key, 'utf8')])
  return { certificate, key }
}

/** The pair in the directory; made anew when there is none, it has run out or our name has changed. */
export async function ensureSelfSigned(wish: Pick<TlsWish, 'selfSignedDir' | 'name' | 'now'>): Promise<PemPair> {
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
