/**
 * LMDB environments. Each file is opened once per process and never closed: closing after writes can crash lmdb-js, and two openings
 * of one file in a process break LMDB's locks. A reload therefore finds the environment that is already there.
 *
 * A write is one transaction, all or nothing, and resolves when it is flushed. Writes asked for in one turn share a commit.
 */
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { MailError } from 'posthouse/api'
import type { Key, KeyRange } from './keys.js'

export interface EnvironmentOptions {
  readonly path: string
  /** Address space to start with; it grows by itself. */
  readonly mapBytes: number
  /** What the file holds: another kind, or another version of it, is refused. */
  readonly kind: string
  readonly version: number
}

/** lmdb-js's own exit handler and write thread want this long after the last write (`DEPENDENCIES`: crash at exit). */
const QUIET_MS = 50
/** Named databases and readers of all processes together. */
const MAX_DATABASES = 40
const MAX_READERS = 1024

/** Plain maps, no record structures: values explain themselves, whichever process or version wrote them. (Missing in lmdb's types.) */
const MSGPACK: object = { encoder: { useRecords: false } }

const registry = Symbol.for('posthouse.store-lmdb.environments')
const shared = globalThis as typeof globalThis & { [registry]?: Map<string, Environment> }

export function openEnvironment(options: EnvironmentOptions): Environment {
  shared[registry] ??= new Map()
  const environments = shared[registry]
  const path = resolve(options.path)
  const known = environments.get(path)
  if (known !== undefined) return known
  const environment = new Environment({ ...options, path })
  environments.set(path, environment)
  return environment
}

export class Environment {
  readonly path: string
  readonly #root: RootDatabase
  readonly #databases = new Map<string, Database>()
  #lastWrite = 0
  #underWay = new Set<Promise<unknown>>()

  constructor({ path, mapBytes, kind, version }: EnvironmentOptions) {
    this.path = path
    this.#root = openPrivately(path, mapBytes)
    checkFormat(this.#root, path, { kind, version })
  }

  /** A database of msgpack values. */
  database<V, K extends Key = Key>(name: string): Database<V, K> {
    return this.#open(name, MSGPACK) as Database<V, K>
  }

  /** A database of octets. */
  octets<K extends Key = Key>(name: string): Database<Buffer, K> {
    return this.#open(name, { encoding: 'binary' }) as Database<Buffer, K>
  }

  /** Before reads that must see what other processes have written. */
  refresh(): void {
    this.#root.resetReadTxn()
  }

  /** One transaction; what `change` throws undoes all of it. Resolves when it is on disk. */
  async write<T>(change: () => T): Promise<T> {
    const committed = this.#root.childTransaction(change)
    // lmdb-js 3.5.6 resolves transactions after the flush, its documentation promises only the commit: await what it names for the disk.
    const flushed = Promise.resolve(this.#root.flushed)
    const both = Promise.all([committed, flushed])
    this.#underWay.add(both)
    try {
      return (await both)[0]
    } catch (error) {
      throw await storeError(error)
    } finally {
      this.#underWay.delete(both)
      this.#lastWrite = Date.now()
    }
  }

  /** Grows with every commit of any process. */
  transactionId(): number {
    this.refresh()
    return (this.#root.getStats() as { readonly lastTxnId: number }).lastTxnId
  }

  /** Resolves when all writes of this process are on disk and the process may exit. */
  async quiet(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
    const wait = this.#lastWrite + QUIET_MS - Date.now()
    if (wait > 0) await new Promise(done => setTimeout(done, wait))
  }

  #open(name: string, options: object): Database {
    const known = this.#databases.get(name)
    if (known !== undefined) return known
    const database = this.#root.openDB(name, options)
    this.#databases.set(name, database)
    return database
  }
}

/** The first key of a range, or the last with `reverse`. */
export function firstKey<K extends Key>(
  db: Database<unknown, K>,
  range: Partial<KeyRange> & { readonly reverse?: boolean },
): K | undefined {
  for (const key of db.getKeys({ ...range, limit: 1 })) return key
  return undefined
}

function openPrivately(path: string, mapBytes: number): RootDatabase {
  const folder = dirname(path)
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    const root = open({ path, noSubdir: true, mapSize: mapBytes, maxDbs: MAX_DATABASES, maxReaders: MAX_READERS })
    for (const file of [path, `${path}-lock`]) if (existsSync(file)) chmodSync(file, 0o600)
    return root
  } catch (error) {
    throw new Error(`${path} cannot be opened as a store: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

interface Format {
  readonly kind: string
  readonly version: number
}

function checkFormat(root: RootDatabase, path: string, ours: Format): void {
  const names = new Set(root.getKeys().map(String))
  if (names.size > 0 && !names.has('format'))
    throw new Error(`${path} is an LMDB file, but no store of ours; name another path`)
  const db = root.openDB<Format, string>('format', MSGPACK)
  const found = root.transactionSync(() => {
    const known = db.get('format')
    if (known === undefined) db.putSync('format', ours)
    return known ?? ours
  })
  if (found.kind === ours.kind && found.version === ours.version) return
  throw new Error(
    `${path} holds data of kind ${found.kind} in format ${found.version}; this version reads ${ours.kind} in format ${ours.version}. ` +
      'Run the version that wrote it, or name another path',
  )
}

/** What callers may know of a failed commit: the store is full, or not available. Errors of the change itself pass through. */
async function storeError(error: unknown): Promise<unknown> {
  if (error instanceof MailError) return error
  const cause = await commitCause(error)
  const said = cause instanceof Error ? cause.message : String(cause)
  if (/MDB_MAP_FULL|ENOSPC|EDQUOT|EFBIG|No space|quota/i.test(said))
    return new MailError('store-full', `commit failed: ${said}`, cause)
  if (/MDB_|Commit failed|errno|EIO|I\/O/i.test(said))
    return new MailError('store-unavailable', `commit failed: ${said}`, cause)
  return error
}

/** lmdb-js hands the reason of a failed commit over as a promise that rejects a little later. */
async function commitCause(error: unknown): Promise<unknown> {
  const later = (error as { readonly commitError?: Promise<unknown> } | null)?.commitError
  if (!(later instanceof Promise)) return error
  const reason = later.then(
    () => error,
    cause => cause,
  )
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<unknown>(done => {
    timer = setTimeout(() => done(error), 1000)
  })
  return Promise.race([reason, late]).finally(() => clearTimeout(timer))
}
