/**
 * Keeps the certificates of a running server: the supervisor, which may read what workers may not, looks at the files every 30 seconds
 * and when told to, and hands what changed to the workers. A pair that became wrong (unreadable, half written, another's key, run out)
 * is told of and the one before it stays; the others change all the same.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Log } from '../api/index.js'
import type { Config } from '../config/types.js'
import { ensureSelfSigned } from '../net/self-signed.js'
import { openTls } from '../net/tls.js'
import type { TlsMaterial, TlsPair } from '../net/types.js'
import { readCertificate } from '../text/certificate.js'
import { DAY_MS, logExpiring } from './expiry.js'
import { issuedDir, markOf, readSource, type Source, selfSignedDir, selfSignedSource, sourcesOf } from './sources.js'

const LOOK_MS = 30_000
/** Node knows one ticket key at a time: with a new one, sessions begun before are begun anew, once. */
const TICKETS_MS = 12 * 3600_000
const TICKET_KEY_BYTES = 48
const STAYS = 'certificate is wrong, the one before it stays'

export interface KeeperParts {
  log(): Log
  /** Everybody gets this from now on. */
  give(material: TlsMaterial): void
  readonly now?: () => number
}

/** What one look at the files found. */
export interface Look {
  readonly changed: boolean
  readonly pairs: readonly TlsPair[]
  readonly troubles: readonly string[]
}

export interface Prepared {
  readonly material: TlsMaterial
  /** From now on it is what everybody gets. */
  use(): void
}

type Wanted = Pick<Config, 'dataDir' | 'tls' | 'name'>

export class CertificateKeeper {
  readonly #parts: KeeperParts
  readonly #now: () => number
  #wanted: Wanted | undefined
  #material: TlsMaterial | undefined
  #ticketKeys = newTicketKeys()
  /** The last good pair of each source. */
  #good = new Map<string, TlsPair>()
  #mark = ''
  #timers: NodeJS.Timeout[] = []
  #begin: () => void = () => undefined
  readonly #begun: Promise<void>
  /** One look at a time. */
  #looking: Promise<Look> | undefined

  constructor(parts: KeeperParts) {
    this.#parts = parts
    this.#now = parts.now ?? Date.now
    this.#begun = new Promise(resolve => {
      this.#begin = resolve
    })
  }

  /** For workers that start now. */
  get material(): TlsMaterial {
    if (this.#material === undefined) throw new Error('certificates were asked for before they were read')
    return this.#material
  }

  /** For a start or a reload: throws when anything is wrong, and nothing has changed then. The function it gives puts it into force. */
  async prepare(wanted: Wanted): Promise<Prepared> {
    if (wanted.tls.pairs.length === 0) {
      const { dataDir, name } = wanted
      await ensureSelfSigned({ selfSignedDir: selfSignedDir(dataDir), name, now: this.#now() })
    }
    const sources = await sourcesOf(wanted)
    const mark = await markOf(sources, wanted.tls.clientCa)
    const read = await this.#read(wanted, sources, this.#goodIssued(wanted))
    // what was issued comes and goes without the admin: it must not keep a server from starting
    const [first] = read.troubles.filter(({ source }) => source.kind !== 'issued')
    if (first !== undefined) throw new CertificateError(first.trouble)
    for (const { source, trouble } of read.troubles) {
      const sentence = read.good.has(keyOf(source)) ? STAYS : 'certificate is wrong and left out'
      this.#parts.log().error({ trouble }, sentence)
    }
    const alone = read.material.pairs.length === 0 && wanted.tls.pairs.length === 0
    const { good, material } = alone ? await this.#read(wanted, [selfSignedSource(wanted.dataDir)], new Map()) : read
    if (material.pairs.length === 0) throw new CertificateError('there is no certificate that can be used')
    return {
      material: { ...material, ticketKeys: this.#ticketKeys },
      use: () => {
        this.#wanted = wanted
        this.#mark = mark
        this.#good = new Map(good)
        this.#material = { ...material, ticketKeys: this.#ticketKeys }
        this.#begin()
      },
    }
  }

  /** Of a reload: what was good before it serves on where the file has become wrong. */
  #goodIssued({ dataDir }: Wanted): ReadonlyMap<string, TlsPair> {
    const dir = `${issuedDir(dataDir)}/`
    return new Map([...this.#good].filter(([, { origin }]) => origin.startsWith(dir)))
  }

  watch(): void {
    const look = () => void this.look(false)
    const tickets = () => {
      this.#ticketKeys = newTicketKeys()
      this.#give({ ...this.material, ticketKeys: this.#ticketKeys })
    }
    const tell = () => logExpiring(this.material.pairs, this.#parts.log(), this.#now())
    tell()
    this.#timers = [setInterval(look, LOOK_MS), setInterval(tickets, TICKETS_MS), setInterval(tell, DAY_MS)]
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** `anew`: even if no file has changed. Waits for the end of the start; never throws. */
  async look(anew: boolean): Promise<Look> {
    await this.#begun
    while (this.#looking !== undefined) await this.#looking
    this.#looking = this.#look(anew).catch(error => {
      this.#parts.log().error({ err: error }, 'certificates could not be looked at')
      return { changed: false, pairs: this.#material?.pairs ?? [], troubles: [String(error)] }
    })
    try {
      return await this.#looking
    } finally {
      this.#looking = undefined
    }
  }

  async #look(anew: boolean): Promise<Look> {
    const wanted = this.#wanted
    const old = this.material
    if (wanted === undefined) return { changed: false, pairs: old.pairs, troubles: [] }
    const sources = await sourcesOf(wanted)
    const mark = await markOf(sources, wanted.tls.clientCa)
    if (mark === this.#mark && !anew) return { changed: false, pairs: old.pairs, troubles: [] }
    const { good, troubles, material } = await this.#read(wanted, sources, this.#good)
    // a reload has come between
    if (wanted !== this.#wanted) return { changed: false, pairs: this.material.pairs, troubles: [] }
    this.#mark = mark
    for (const { trouble } of troubles) this.#parts.log().error({ trouble }, STAYS)
    const changed = material.pairs.length > 0 && !sameMaterial(old, material)
    if (changed) {
      this.#good = new Map(good)
      this.#give({ ...material, ticketKeys: this.#ticketKeys })
      this.#parts.log().info({ certificates: material.pairs.map(shown) }, 'certificates changed')
    }
    return { changed, pairs: this.material.pairs, troubles: troubles.map(({ trouble }) => trouble) }
  }

  #give(material: TlsMaterial): void {
    this.#material = material
    this.#parts.give(material)
  }

  async #read(wanted: Wanted, sources: readonly Source[], before: ReadonlyMap<string, TlsPair>) {
    const good = new Map<string, TlsPair>()
    const troubles: { readonly source: Source; readonly trouble: string }[] = []
    for (const source of sources) {
      const key = keyOf(source)
      const read = await readSource(source, wanted.dataDir)
      const old = before.get(key)
      const trouble = 'trouble' in read ? read.trouble : this.#unfit(wanted, read.pair, old)
      if (trouble !== undefined) troubles.push({ source, trouble })
      const pair = trouble === undefined && 'pair' in read ? read.pair : old
      if (pair !== undefined) good.set(key, pair)
    }
    const clientCa = await this.#clientCa(wanted, troubles)
    const material: TlsMaterial = { pairs: [...good.values()], ...(clientCa !== undefined && { clientCa }) }
    return { good, troubles, material }
  }

  /** What OpenSSL says of it; and what has run out does not follow what has not. */
  #unfit({ tls }: Wanted, pair: TlsPair, old: TlsPair | undefined): string | undefined {
    const until = readCertificate(pair.certificate)?.until ?? 0
    const oldUntil = old === undefined ? 0 : (readCertificate(old.certificate)?.until ?? 0)
    if (until <= this.#now() && oldUntil > until) return `${pair.origin}: this certificate has run out`
    try {
      openTls(tls, { pairs: [pair] })
      return undefined
    } catch (error) {
      return `${pair.origin}: ${(error as Error).message}`
    }
  }

  async #clientCa({ tls }: Wanted, troubles: { source: Source; trouble: string }[]): Promise<string | undefined> {
    if (tls.clientCa === undefined) return undefined
    try {
      const ca = await readFile(tls.clientCa, 'utf8')
      createSecureContext({ ca })
      return ca
    } catch (error) {
      const source = { kind: 'configured', certificate: tls.clientCa, key: tls.clientCa } as const
      troubles.push({ source, trouble: `${tls.clientCa}: ${(error as Error).message}` })
      return this.#material?.clientCa
    }
  }
}

/** Certificate files are not as they should be; the message says which. */
export class CertificateError extends Error {}

function keyOf({ certificate, key }: Source): string {
  return `${certificate}\n${key}`
}

function newTicketKeys(): string {
  return randomBytes(TICKET_KEY_BYTES).toString('base64')
}

function sameMaterial(one: TlsMaterial, other: TlsMaterial): boolean {
  return JSON.stringify([one.pairs, one.clientCa]) === JSON.stringify([other.pairs, other.clientCa])
}

/** For the log. */
function shown({ certificate, names, origin }: TlsPair): object {
  const facts = readCertificate(certificate)
  return { names, until: new Date(facts?.until ?? 0).toISOString(), origin }
}
