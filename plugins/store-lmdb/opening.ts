/**
 * Opens the file of an environment: only what looks like one, readable by its owner alone, and with commits that are flushed or undone.
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { open, type RootDatabase } from 'lmdb'

/** Named databases and readers of all processes together. */
export const MAX_DATABASES = 60
const MAX_READERS = 1024

/** More than a machine can map crashes lmdb-js too. */
const MAX_MAP_BYTES = 1024 ** 4
const LMDB_MAGIC = 0xbeefc0de
const LMDB_DATA_VERSION = 2
const MIN_PAGE_BYTES = 4096

export function openPrivately(path: string, mapBytes: number, mayLag: boolean): RootDatabase {
  const folder = dirname(path)
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (!looksLikeLmdb(path))
    throw new Error(`${path} is no LMDB file, or damaged; name another path or restore a backup`)
  const mask = process.umask(0o077)
  try {
    const limits = { mapSize: Math.min(mapBytes, MAX_MAP_BYTES), maxDbs: MAX_DATABASES, maxReaders: MAX_READERS }
    // Not lmdb-js's own way, which shows a change to readers and flushes later: when that flush fails nothing is undone, and the next
    // one that succeeds is taken for it. See docs/decisions/0019.
    return open({ path, noSubdir: true, overlappingSync: mayLag, ...limits })
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
