/**
 * LMDB environments. Each file is opened once per process and never closed: closing after writes can crash lmdb-js, and two openings
 * of one file in a process break LMDB's locks. A reload therefore finds the environment that is already there.
 *
 * A write is one transaction, all or nothing, and resolves when it is flushed. Writes asked for in one turn share a commit.
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, statfsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { MailError } from 'posthouse/api'
import type { Key, KeyRange } from './keys.js'

/** What a file holds. Another kind, or another version of it, is refused. */
export interface Format {
  readonly kind: string
  readonly version: number
}

export interface EnvironmentOptions extends Format {
  /** Older versions that are understood. The file becomes one of `version` at once, so that those which wrote it refuse it. */
  readonly reads?: readonly number[]
  readonly path: string
  /** Address space to start with; it grows by itself. */
  readonly mapBytes: number
}

/** lmdb-js's own exit handler and write thread want this long after the last write: exiting sooner was seen to crash in it. */
const QUIET_MS = 50
/** How long a disk may take. */
const FLUSH_MS = 60_000
/** Named databases and readers of all processes together. */
const MAX_DATABASES = 40
const MAX_READERS = 1024

/** More than a machine can map crashes lmdb-js too. */
const MAX_MAP_BYTES = 1024 ** 4
/** After a failed commit: less than this left on the disk, and that was the reason. */
const FULL_BELOW_BYTES = 4 * 1024 ** 2
const LMDB_MAGIC = 0xbeefc0de
const LMDB_DATA_VERSION = 2
const MIN_PAGE_BYTES = 4096

/** Plain maps, no record structures: values explain themselves, whichever process or version wrote them. (Missing in lmdb's types.) */
const MSGPACK: object = { encoder: { useRecords: false } }

const registry = Symbol.for('posthouse.store-lmdb.environments')
const shared = globalThis as typeof globalThis & { [registry]?: Map<string, Environment> }

export function openEnvironment(options: EnvironmentOptions): Environment {
  shared[registry] ??= new Map()
  const environments = shared[registry]
  const path = resolve(options.path)
  const environment = environments.get(path) ?? new Environment(path, options.mapBytes)
  // Also a file that is refused stays open, and a second try must find it so.
  environments.set(path, environment)
  environment.check(options)
  return environment
}

export class Environment {
  readonly path: string
  readonly #root: RootDatabase
  readonly #databases = new Map<string, Database>()
  #lastWrite = 0
  #underWay = new Set<Promise<unknown>>()
  #listening = false

  constructor(path: string, mapBytes: number) {
    this.path = path
    this.#root = openPrivately(path, mapBytes)
  }

  /** Throws when the file holds something else. A new file becomes ours. */
  check({ kind, version, reads = [] }: Format & Pick<EnvironmentOptions, 'reads'>): void {
    const names = new Set(this.#root.getKeys().map(String))
    if (names.size > 0 && !names.has('format')) {
      throw new Error(`${this.path} is an LMDB file, but no store of ours; name another path`)
    }
    const db = this.database<Format, string>('format')
    const found = this.#root.transactionSync(() => {
      const known = db.get('format')
      const ours = known === undefined || (known.kind === kind && reads.includes(known.version))
      if (ours) db.putSync('format', { kind, version })
      return ours ? { kind, version } : known
    })
    if (found.kind === kind && found.version === version) return
    throw new Error(
      `${this.path} holds data of kind ${found.kind} in format ${found.version}; this version reads ${kind} in format ${version}. ` +
        'Run the version that wrote it, or name another path',
    )
  }

  /** A database of msgpack values. */
  database<V, K extends Key = Key>(name: string): Database<V, K> {
    return this.#open(name, MSGPACK) as Database<V, K>
  }

  /** A database of msgpack values whose keys are octets. */
  byOctets<V>(name: string): Database<V, Buffer> {
    return this.#open(name, { ...MSGPACK, keyEncoding: 'binary' }) as Database<V, Buffer>
  }

  /** A database of octets by octets. */
  octetsByOctets(name: string): Database<Buffer, Buffer> {
    return this.#open(name, { encoding: 'binary', keyEncoding: 'binary' }) as Database<Buffer, Buffer>
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
    this.#hearFailure()
    // lmdb-js 3.5.6 resolves transactions after the flush, its documentation promises only the commit: await what it names for the disk.
    const flushed = Promise.resolve(this.#root.flushed)
    // Nobody waits for it when the commit itself fails.
    flushed.catch(() => undefined)
    const both = Promise.all([committed, committed.then(() => inTime(flushed, this.path))])
    this.#underWay.add(both)
    try {
      return (await both)[0]
    } catch (error) {
      throw await storeError(error, this.path)
    } finally {
      this.#underWay.delete(both)
      this.#lastWrite = Date.now()
    }
  }

  /** One transaction before anything else is under way; it is committed when this returns. */
  prepare(change: () => void): void {
    this.#root.transactionSync(change)
  }

  /**
   * Like `write`, but resolves as soon as the change is made in its transaction: it may lag a flush, and is lost with a commit that
   * fails, which is told to `lost`. Until `busy` is false reads of this process may miss it.
   */
  soon<T>(change: () => T, lost: (error: unknown) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let made = false
      this.write(() => {
        const result = change()
        made = true
        resolve(result)
      }).catch(error => (made ? lost(error) : reject(error)))
    })
  }

  /** Changes of this process are under way. */
  get busy(): boolean {
    return this.#underWay.size > 0
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

  /**
   * lmdb-js 3.5.6 makes a promise of its own for every batch and hands it to nobody: when a commit fails (a full disk), its rejection
   * would end the process. It can be had as `committed` once the batch has begun, which is before this immediate.
   */
  #hearFailure(): void {
    if (this.#listening) return
    this.#listening = true
    setImmediate(() => {
      this.#listening = false
      this.#root.committed.then(
        () => undefined,
        () => undefined,
      )
    })
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
  if (!looksLikeLmdb(path))
    throw new Error(`${path} is no LMDB file, or damaged; name another path or restore a backup`)
  const mask = process.umask(0o077)
  try {
    const limits = { mapSize: Math.min(mapBytes, MAX_MAP_BYTES), maxDbs: MAX_DATABASES, maxReaders: MAX_READERS }
    return open({ path, noSubdir: true, ...limits })
  } catch (error) {
    throw new Error(`${path} cannot be opened: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  } finally {
    process.umask(mask)
  }
}

/** lmdb-js 3.5.6 crashes the process on files it cannot read, so we look first: two meta pages, the first with LMDB's mark and version. */
function looksLikeLmdb(path: string): boolean {
  if (!existsSync(path) || statSync(path).size === 0) return true
  const head = Buffer.alloc(32)
  const file = openSync(path, 'r')
  try {
    if (readSync(file, head) < head.length) return false
  } finally {
    closeSync(file)
  }
  const words = new Uint32Array(head.buffer, head.byteOffset, head.length / 4)
  return words[6] === LMDB_MAGIC && words[7] === LMDB_DATA_VERSION && statSync(path).size >= 2 * MIN_PAGE_BYTES
}

/** What callers may know of a failed commit: the store is full, or not available. Errors of the change itself pass through. */
async function storeError(error: unknown, path: string): Promise<unknown> {
  const later = (error as { readonly commitError?: unknown } | null)?.commitError
  const failed = later instanceof Promise
  const cause = failed ? await commitCause(later, error) : error
  const said = cause instanceof Error ? cause.message : String(cause)
  if (/MDB_MAP_FULL/.test(said) || (failed && isFull(path)))
    return new MailError('store-full', `commit failed: ${said}`, cause)
  return failed || /MDB_/.test(said) ? new MailError('store-unavailable', `commit failed: ${said}`, cause) : error
}

/** lmdb-js hands the reason of a failed commit over as a promise that rejects a little later. */
async function commitCause(later: Promise<unknown>, error: unknown): Promise<unknown> {
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

/** A flush has an end, too: a disk that hangs is a temporary error, and nobody hears that the change is safe. */
async function inTime(flushed: Promise<unknown>, path: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new MailError('store-unavailable', `${path} was not flushed in time`)), FLUSH_MS)
  })
  try {
    await Promise.race([flushed, late])
  } finally {
    clearTimeout(timer)
  }
}

/** LMDB reports a write that came out short as an input/output error, so we ask the disk. */
function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize < FULL_BELOW_BYTES
  } catch {
    return false
  }
}
