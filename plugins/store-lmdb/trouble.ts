/**
 * What a failed commit is called: for callers an error of the catalogue, for the admin a line in the log that says what to do. A full or
 * failing disk fails thousands of commits, so the log has one line a minute of it, and one when it is over.
 */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Log, MailError } from 'posthouse/api'

/** After a failed commit: less than this left on the disk, and that was the reason. */
const FULL_BELOW_BYTES = 4 * 1024 ** 2
const EVERY_MS = 60_000
/** ENOSPC, EDQUOT */
const FULL_CODES = new Set([28, 122])

/** What callers may know of a failed commit: the store is full, or not available. Errors of the change itself pass through. */
export async function storeError(error: unknown, path: string): Promise<unknown> {
  const later = (error as { readonly commitError?: unknown } | null)?.commitError
  const failed = later instanceof Promise
  const cause = failed ? await commitCause(later, error) : error
  const said = cause instanceof Error ? cause.message : String(cause)
  const code = (cause as { readonly code?: unknown } | null)?.code
  if (/MDB_MAP_FULL/.test(said) || (failed && (FULL_CODES.has(Number(code)) || isFull(path))))
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

/** LMDB reports a write that came out short as an input/output error, so we ask the disk. */
function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize < FULL_BELOW_BYTES
  } catch {
    return false
  }
}

export class Complaints {
  readonly #path: string
  readonly #log: Pick<Log, 'error' | 'info'>
  readonly #now: () => number
  #failures = 0
  #since = 0
  #told = Number.NEGATIVE_INFINITY

  constructor(path: string, log: Pick<Log, 'error' | 'info'>, now: () => number) {
    this.#path = path
    this.#log = log
    this.#now = now
  }

  failed(error: MailError): void {
    const now = this.#now()
    if (this.#failures++ === 0) this.#since = now
    if (now - this.#told < EVERY_MS) return
    this.#told = now
    const facts = { path: this.#path, error, failures: this.#failures }
    if (error.errorCode === 'store-full')
      this.#log.error(facts, 'no room for the store: mail is put off until space is freed on its disk')
    else
      this.#log.error(facts, 'the store cannot be written: mail is put off; look at its disk and the log of the kernel')
  }

  wrote(): void {
    if (this.#failures === 0) return
    const facts = { path: this.#path, failures: this.#failures, forMs: this.#now() - this.#since }
    this.#log.info(facts, 'the store can be written again')
    this.#failures = 0
    this.#told = Number.NEGATIVE_INFINITY
  }
}
