/**
 * Reads certificates from where they are kept: the files that server.yaml names, those that were issued to us (`tls/issued/*.pem` in the
 * data directory, key and chain in one file, put there by whoever orders them), and the self-signed one when there is nothing else.
 * What is wrong with one says so and leaves the others alone.
 */
import { constants } from 'node:fs'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/types.js'
import type { TlsPair } from '../net/types.js'
import { pairTrouble, pemCertificates, readCertificate } from '../text/certificate.js'

const MAX_ISSUED = 500
const MAX_BYTES = 1024 * 1024

export type Kind = 'configured' | 'issued' | 'self-signed'

export interface Source {
  readonly kind: Kind
  readonly certificate: string
  /** The same file for what was issued. */
  readonly key: string
  readonly names?: readonly string[]
}

export type SourceRead = { readonly pair: TlsPair } | { readonly trouble: string }

type Wanted = Pick<Config, 'dataDir' | 'tls'>

export function issuedDir(dataDir: string): string {
  return join(dataDir, 'tls', 'issued')
}

export function selfSignedDir(dataDir: string): string {
  return join(dataDir, 'tls', 'self-signed')
}

/** In the order in which they count. */
export async function sourcesOf({ dataDir, tls }: Wanted): Promise<readonly Source[]> {
  const configured = tls.pairs.map(pair => ({ kind: 'configured', ...pair }) as const)
  const dir = issuedDir(dataDir)
  const files = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const issued = files
    .filter(name => name.endsWith('.pem'))
    .sort()
    .slice(0, MAX_ISSUED)
    .map(name => ({ kind: 'issued', certificate: join(dir, name), key: join(dir, name) }) as const)
  const all = [...configured, ...issued]
  return all.length > 0 ? all : [selfSignedSource(dataDir)]
}

export function selfSignedSource(dataDir: string): Source {
  const own = selfSignedDir(dataDir)
  return { kind: 'self-signed', certificate: join(own, 'certificate.pem'), key: join(own, 'key.pem') }
}

/** Changes when one of the files does. */
export async function markOf(sources: readonly Source[], clientCa: string | undefined): Promise<string> {
  const paths = [...new Set([...sources.flatMap(one => [one.certificate, one.key]), ...(clientCa ? [clientCa] : [])])]
  const marks = paths.map(async path => {
    const at = await stat(path, { bigint: true }).catch(() => undefined)
    return `${path} ${at?.ino} ${at?.size} ${at?.mtimeNs} ${at?.ctimeNs}`
  })
  return (await Promise.all(marks)).join('\n')
}

export async function readSource(source: Source, dataDir: string): Promise<SourceRead> {
  try {
    const [certificate, key] =
      source.kind === 'issued'
        ? split(await readOwned(source.certificate, dataDir))
        : await Promise.all([readFile(source.certificate, 'utf8'), readFile(source.key, 'utf8')])
    const trouble = pairTrouble(certificate, key)
    if (trouble !== undefined) return { trouble: `${source[trouble.key]}: ${trouble.message}` }
    const names = source.names ?? readCertificate(certificate)?.names ?? []
    return { pair: { certificate, key, names, origin: source.certificate } }
  } catch (error) {
    const { code, message, path = source.certificate } = error as NodeJS.ErrnoException
    return { trouble: code === undefined ? message : `${path}: cannot be read: ${code}` }
  }
}

function split(text: string): readonly [certificate: string, key: string] {
  const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----/.exec(text)?.[0] ?? ''
  return [`${pemCertificates(text).join('\n')}\n`, `${key}\n`]
}

/** The workers' user writes there and root reads: a link or a file of somebody else would show them what they may not read. */
async function readOwned(path: string, dataDir: string): Promise<string> {
  const { uid } = await stat(dataDir)
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const at = await file.stat()
    if (!at.isFile() || at.uid !== uid || at.size > MAX_BYTES) throw new Error(`${path}: not a file of this server`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}
