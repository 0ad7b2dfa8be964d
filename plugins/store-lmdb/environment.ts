/**
 * An LMDB environment: one file, its databases, and its writes. Which are open stands in environments.ts.
 *
 * A write is one transaction, all or nothing, and resolves when it is flushed. Writes that are asked for until the lock is ours share a commit.
 */
import type { Database, RootDatabase, Transaction } from 'lmdb'
import { MailError } from 'posthouse/api'
import { Commit } from './commit.js'
import { refuseWhileCompacted } from './compact.js'
import type { Key, KeyRange } from './keys.js'
import { openPrivately } from './opening.js'
import { type Hurry, Pace, Start } from './pace.js'
import { Patience } from './patience.js'
import { bytesIn, type StoreStats, statsOf } from './stats.js'
import type { Summed } from './sums.js'
import { storeError } from './trouble.js'

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
  /** Changes may be seen before they are flushed, and by those who read them be lost: for counters. */
  readonly mayLag?: boolean
}

/** lmdb-js's own exit handler and write thread want this long after the last write: exiting sooner was seen to crash in it. */
const QUIET_MS = 50
/** Of that, what lmdb-js itself tells: its write thread is done. Should it not, an exit does not wait for ever. */
const DONE_MS = 2_000

/** Plain maps, no record structures: values explain themselves, whichever process or version wrote them. (Missing in lmdb's types.) */
const MSGPACK: object = { encoder: { useRecords: false } }

/** Who wants to know how an environment fares. */
export interface EnvironmentWatcher {
  /** A commit failed; what it should have done is undone. */
  failed(error: MailError): void
  /** A commit is on disk. */
  wrote(): void
  /** Nothing can be read or written here any more: only another process can. */
  broken(error: MailError): void
}

export class Environment {
  readonly path: string
  /** The copies of many messages this process is at (copies.ts). Here, as a reload finds it here again. */
  readonly copying = new Set<string>()
  readonly #root: RootDatabase
  readonly #databases = new Map<string, Database>()
  readonly #watchers = new Set<EnvironmentWatcher>()
  #lastWrite = 0
  readonly #mayLag: boolean
  /** The write thread has nothing more to do with the last commit: told only where a flush comes after the commit. */
  #threadDone: Promise<unknown> = Promise.resolve()
  readonly #patience: Patience
  #changing = 0
  #broken: MailError | undefined
  /** Nothing new is written; what was asked for before is. */
  #frozen: MailError | undefined
  #listening = false
  /** Not begun yet: more changes may join it. */
  #next: { readonly commit: Commit; readonly start: Start } | undefined
  readonly #pace = new Pace()
  readonly #sums = new Set<Summed>()
  /** Those of them that several stores have in common, by name. */
  readonly #shared = new Map<string, Summed>()

  constructor(path: string, { mapBytes, mayLag = false }: EnvironmentOptions) {
    this.path = path
    this.#patience = new Patience(path)
    this.#mayLag = mayLag
    this.#root = openPrivately(path, mapBytes, mayLag)
  }

  watch(watcher: EnvironmentWatcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
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
    // Here we stand in the table of readers: see compact.ts.
    refuseWhileCompacted(this.path)
    if (found.kind === kind && found.version === version) return
    throw new Error(
      `${this.path} holds data of kind ${found.kind} in format ${found.version}; this version reads ${kind} in format ${version}. ` +
        'Run the version that wrote it, or name another path',
    )
  }

  /** Reads that are given it see the store as it is now, until its `done`; every database must have been opened before. */
  moment(): Transaction {
    this.refresh()
    return this.#root.useReadTransaction()
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

  /** Any database once more, with values as they lie in the file. Not inside a write, the first time. */
  octetsOf(name: string): Database<Buffer, Key | Buffer> {
    return this.#open(name, { encoding: 'binary' }, `octets of ${name}`) as Database<Buffer, Key | Buffer>
  }

  /** Before reads that must see what other processes have written. */
  refresh(): void {
    this.#root.resetReadTxn()
  }

  /** Told of every change from now on. */
  sum<S extends Summed>(sums: S): S {
    this.#sums.add(sums)
    return sums
  }

  /** As `sum`, one for all stores of the process: their changes share commits. */
  sumOf<S extends Summed>(name: string, make: () => S): S {
    const sums = (this.#shared.get(name) as S | undefined) ?? this.sum(make())
    this.#shared.set(name, sums)
    return sums
  }

  /** One transaction; what `change` throws undoes all of it. Resolves when it is on disk. */
  async write<T>(change: () => T, hurry: Hurry = 'now'): Promise<T> {
    this.#changing++
    try {
      return await this.#join(change, hurry)
    } finally {
      this.#changing--
    }
  }

  async #join<T>(change: () => T, hurry: Hurry = 'now'): Promise<T> {
    const closed = this.#broken ?? this.#frozen
    if (closed !== undefined) throw closed
    this.#next ??= this.#prepared()
    const { commit, start } = this.#next
    const result = commit.add(change)
    if (hurry === 'now') commit.urgent++
    start.within(this.#mayLag ? 0 : this.#pace.waitMs(hurry))
    try {
      await commit.onDisk
      return result()
    } catch (error) {
      throw await this.#failure(error)
    }
  }

  #prepared(): { readonly commit: Commit; readonly start: Start } {
    const commit = new Commit()
    const start = new Start(() => this.#begin(commit))
    commit.onDisk = this.#patience
      .answer(start.ended)
      .then(() => {
        for (const watcher of this.#watchers) watcher.wrote()
      })
      .finally(() => {
        this.#begun(commit)
        this.#lastWrite = Date.now()
      })
    return { commit, start }
  }

  #begun(commit: Commit): void {
    if (this.#next?.commit === commit) this.#next = undefined
  }

  async #begin(commit: Commit): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    const since = performance.now()
    const committed = this.#root.childTransaction(() => {
      this.#begun(commit)
      this.#make(commit)
    })
    this.#hearFailure()
    // Nobody may ever wait for it: its failure is the commit's own, which is heard there.
    if (this.#mayLag) this.#threadDone = Promise.resolve(this.#root.flushed).catch(() => undefined)
    await committed
    this.#pace.took(commit.urgent, performance.now() - since)
  }

  #make(commit: Commit): void {
    commit.make(change => this.#root.childTransaction(change), this.#sums)
  }

  async #failure(error: unknown): Promise<unknown> {
    const told = this.#broken ?? (await storeError(error, this.path))
    if (!(told instanceof MailError) || (told.errorCode !== 'store-full' && told.errorCode !== 'store-unavailable'))
      return told
    this.#lookWhetherBroken(told)
    if (this.#broken === undefined) for (const watcher of this.#watchers) watcher.failed(told)
    return told
  }

  /**
   * When even the page that names the current tree could not be written, LMDB refuses everything from then on (MDB_PANIC), and lmdb-js
   * 3.5.6 answers no write any more and keeps its own lock. What was acknowledged is safe; a new process reads what was true before.
   */
  #lookWhetherBroken(cause: MailError): void {
    if (this.#broken !== undefined) return
    try {
      this.refresh()
      this.database('format').get('format')
    } catch (error) {
      this.#broken = new MailError('store-unavailable', `${this.path} cannot be used in this process any more`, error)
      this.#patience.giveUp(this.#broken)
      for (const watcher of this.#watchers) watcher.broken(cause)
    }
  }

  /**
   * Whether lmdb-js still owes answers. Its write thread waits for this thread to run the changes, and a process that exits waits for the
   * write thread: it would hang for ever and hold LMDB's lock, so that no other process could write. Whoever must exit then dies as in a
   * crash, which harms nothing.
   */
  get unanswered(): boolean {
    return this.#patience.owed
  }

  /** One transaction before anything else is under way; it is committed when this returns. */
  prepare(change: () => void): void {
    const commit = new Commit()
    const made = commit.add(change)
    this.#root.transactionSync(() => this.#make(commit))
    made()
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

  /** Changes nothing, and sees what this process has changed before, be it committed or not. */
  look<T>(look: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#join(() => resolve(look())).catch(reject)
    })
  }

  /** Changes of this process are under way. Who only looks is none: or readers who wait for each other would keep it so for ever. */
  get busy(): boolean {
    return this.#changing > 0
  }

  /** Of the last commit. */
  stats(): StoreStats {
    this.refresh()
    return statsOf(this.path, this.#root, name => this.octetsOf(name))
  }

  /** What a database takes, as of the last commit. */
  bytesOf(name: string): number {
    this.refresh()
    return bytesIn(this.octetsOf(name))
  }

  /** Ids of processes that have this file open, our own left out. */
  otherProcesses(): readonly number[] {
    this.#root.readerCheck()
    const lines = this.#root.readerList().split('\n').slice(1)
    const pids = lines.map(line => Number.parseInt(line, 10)).filter(pid => pid > 0 && pid !== process.pid)
    return [...new Set(pids)]
  }

  /** From now on writes are refused. Resolves when none is under way. */
  async freeze(): Promise<void> {
    this.#frozen ??= new MailError('store-unavailable', `${this.path} is being compacted`)
    await this.quiet()
  }

  /** Without what is free. */
  async copy(path: string): Promise<void> {
    await this.#root.backup(path, true)
  }

  /** Grows with every commit of any process. */
  transactionId(): number {
    this.refresh()
    return (this.#root.getStats() as { readonly lastTxnId: number }).lastTxnId
  }

  /** Resolves when all writes of this process are on disk and the process may exit; none waits for company any more. */
  async quiet(): Promise<void> {
    while (this.#patience.waiting) {
      this.#next?.start.within(0)
      await new Promise(done => setTimeout(done, 5))
    }
    await this.#threadEnds()
    const wait = this.#lastWrite + QUIET_MS - Date.now()
    if (wait > 0) await new Promise(done => setTimeout(done, wait))
  }

  /** On a busy machine the write thread may still have its last steps to do long after the commit it has told of. */
  async #threadEnds(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, DONE_MS)
    })
    await Promise.race([this.#threadDone, late])
    clearTimeout(timer)
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

  #open(name: string, options: object, called = name): Database {
    const known = this.#databases.get(called)
    if (known !== undefined) return known
    const database = this.#root.openDB(name, options)
    this.#databases.set(called, database)
    return database
  }
}

/** Inside a write: empties a database, whatever its keys are. */
export function clear(db: Database): void {
  db.clearSync()
}

/** The first key of a range, or the last with `reverse`. */
export function firstKey<K extends Key>(
  db: Database<unknown, K>,
  range: Partial<KeyRange> & { readonly reverse?: boolean },
): K | undefined {
  for (const key of db.getKeys({ ...range, limit: 1 })) return key
  return undefined
}
