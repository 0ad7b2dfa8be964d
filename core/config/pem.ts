/**
 * Are certificates and keys what TLS can work with? Asked when the configuration is read, so that `check` and a reload name the key in
 * server.yaml instead of OpenSSL's opinion. A certificate that has run out keeps no server from starting: most of its peers do not look.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { Fault, Infer } from '../api/index.js'
import { type CertificateFacts, pairTrouble, pemCertificates, readCertificate } from '../text/certificate.js'
import type { TLS } from './schema.js'
import type { YamlSource } from './yaml.js'

type RawTls = Infer<typeof TLS>
type Key = 'certificate' | 'key'

/**
 * `files`: what is said of the files. `strict` finds fault with what has run out too, `serve` only tells of it, `leave` does not look:
 * for those who may not read keys, and need none.
 */
export type Judging = 'strict' | 'serve' | 'leave'

export interface TlsJudgement {
  readonly faults: readonly Fault[]
  /** Worth a word, but no reason not to start. */
  readonly warnings: readonly Fault[]
}

interface Entry {
  readonly path: readonly (string | number)[]
  readonly certificate: string
  readonly key: string
  readonly names: readonly string[] | undefined
}

interface Judge {
  readonly source: YamlSource
  readonly dir: string
  readonly now: number
  readonly strict: boolean
  /** The server is started as root and gives it up: others may be unable to read what it can. */
  readonly rootReads: boolean
  readonly faults: Fault[]
  readonly warnings: Fault[]
}

export interface TlsAsked {
  readonly source: YamlSource
  readonly tls: RawTls
  readonly user: string | undefined
  readonly dir: string
  readonly now: number
}

const DAY_MS = 86_400_000
/** `check` says so in time. */
const SOON_DAYS = 21

export function judgeTls({ source, tls, user, dir, now }: TlsAsked, judging: Judging): TlsJudgement {
  const rootReads = user !== undefined && process.getuid?.() !== 0
  const judge: Judge = { source, dir, now, strict: judging === 'strict', rootReads, faults: [], warnings: [] }
  for (const [one, other] of [['certificate', 'key'] as const, ['key', 'certificate'] as const]) {
    if (tls[one] !== undefined && tls[other] === undefined)
      judge.faults.push(source.fault(['tls', one], `${one} needs ${other} beside it`))
  }
  if (judging === 'leave') return judge
  const seen = new Map<string, number>()
  for (const [i, entry] of entriesOf(tls).entries()) judgeEntry(judge, entry, i === 0, seen)
  if (tls.client_ca !== undefined) judgeAuthorities(judge, tls.client_ca)
  if (tls.ciphers !== undefined && !fits({ ciphers: tls.ciphers }))
    judge.faults.push(
      source.fault(['tls', 'ciphers'], 'OpenSSL knows no cipher of this list; to see: openssl ciphers -v'),
    )
  return judge
}

/** In the order in which they count: the first one is for clients that ask for no name. */
function entriesOf(tls: RawTls): readonly Entry[] {
  const { certificate, key } = tls
  const first =
    certificate !== undefined && key !== undefined ? [{ path: ['tls'], certificate, key, names: undefined }] : []
  return [
    ...first,
    ...tls.certificates.map((one, i) => ({ path: ['tls', 'certificates', i], names: undefined, ...one })),
  ]
}

function judgeEntry(judge: Judge, entry: Entry, isFirst: boolean, seen: Map<string, number>): void {
  const { source, faults } = judge
  const certificate = textOf(judge, entry, 'certificate')
  const key = textOf(judge, entry, 'key')
  if (certificate === undefined) return
  const facts = readCertificate(certificate)
  const trouble = facts === undefined || key !== undefined ? pairTrouble(certificate, key ?? '') : undefined
  if (trouble !== undefined) faults.push(source.fault([...entry.path, trouble.key], trouble.message))
  if (facts === undefined) return
  judgeTime(judge, entry, facts)
  judgeNames(judge, entry, entry.names ?? facts.names, isFirst, seen)
}

function textOf({ source, dir, rootReads, faults, warnings }: Judge, entry: Entry, key: Key): string | undefined {
  try {
    return readFileSync(resolve(dir, entry[key]), 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const told =
      code === 'ENOENT' ? `there is no file ${entry[key]}` : `${entry[key]} cannot be read: ${code ?? message}`
    const spared = code === 'EACCES' && rootReads
    const list = spared ? warnings : faults
    list.push(source.fault([...entry.path, key], spared ? `${told}; the server, started as root, may` : told))
    return undefined
  }
}

function judgeTime(
  { source, now, strict, faults, warnings }: Judge,
  { path }: Entry,
  { from, until }: CertificateFacts,
): void {
  const place = [...path, 'certificate']
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10)
  const days = Math.floor((until - now) / DAY_MS)
  if (until <= now)
    (strict ? faults : warnings).push(source.fault(place, `this certificate has run out on ${date(until)}`))
  else if (from > now) warnings.push(source.fault(place, `this certificate is not valid before ${date(from)}`))
  else if (days <= SOON_DAYS)
    warnings.push(source.fault(place, `this certificate runs out in ${days} days, on ${date(until)}`))
}

function judgeNames(
  { source, faults }: Judge,
  { path, names: given }: Entry,
  names: readonly string[],
  isFirst: boolean,
  seen: Map<string, number>,
): void {
  const place = [...path, given === undefined ? 'certificate' : 'names']
  if (names.length === 0 && !isFirst)
    faults.push(source.fault(place, 'this certificate names no host; say for which it is: names: [mail.example.org]'))
  const { line } = source.at(place)
  for (const name of names.map(one => one.toLowerCase())) {
    const earlier = seen.get(name)
    if (earlier === undefined) seen.set(name, line)
    else
      faults.push(
        source.fault(
          place,
          `${name} has a certificate already, in line ${earlier}; say with names: which one is for what`,
        ),
      )
  }
}

function judgeAuthorities({ source, dir, faults }: Judge, path: string): void {
  const wrong = (message: string) => faults.push(source.fault(['tls', 'client_ca'], message))
  try {
    const found = pemCertificates(readFileSync(resolve(dir, path), 'utf8'))
    if (found.length === 0 || found.some(pem => readCertificate(pem) === undefined))
      wrong('expected a file with certificates of authorities in PEM form')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    wrong(code === 'ENOENT' ? `there is no file ${path}` : `${path} cannot be read: ${code ?? message}`)
  }
}

function fits(options: { readonly ciphers: string }): boolean {
  try {
    createSecureContext(options)
    return true
  } catch {
    return false
  }
}
