/** What the file of an environment is made of, as LMDB counts it. */
import { statSync } from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { Key } from './keys.js'
import { MAX_DATABASES } from './opening.js'

export interface StoreStats {
  readonly path: string
  readonly fileBytes: number
  readonly pageBytes: number
  readonly usedPages: number
  /** Used again before the file grows. */
  readonly freePages: number
  /** The largest first. */
  readonly databases: readonly { readonly name: string; readonly entries: number; readonly pages: number }[]
}

/** As lmdb-js tells of a database. */
interface PageStats {
  readonly pageSize: number
  readonly entryCount: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

const META_PAGES = 2

function pagesOf({ treeBranchPageCount, treeLeafPageCount, overflowPages }: PageStats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages
}

export function statsOf(
  path: string,
  root: RootDatabase,
  octetsOf: (name: string) => Database<Buffer, Key | Buffer>,
): StoreStats {
  const { pageSize, lastPageNumber, free } = root.getStats() as PageStats & {
    readonly lastPageNumber: number
    readonly free: PageStats
  }
  const databases = [...root.getKeys()]
    .map(String)
    .map(name => ({ name, stats: octetsOf(name).getStats() as PageStats }))
    .map(({ name, stats }) => ({ name, entries: stats.entryCount, pages: pagesOf(stats) }))
  const own = META_PAGES + pagesOf(root.getStats() as PageStats) + pagesOf(free)
  const usedPages = databases.reduce((sum, { pages }) => sum + pages, own)
  return {
    path,
    fileBytes: statSync(path).size,
    pageBytes: pageSize,
    usedPages,
    freePages: Math.max(0, lastPageNumber + 1 - usedPages),
    databases: databases.sort((a, b) => b.pages - a.pages),
  }
}

/** Octets in use by one database. */
export function bytesIn(database: Database<Buffer, Key | Buffer>): number {
  const stats = database.getStats() as PageStats
  return pagesOf(stats) * stats.pageSize
}

/** Octets in use. */
export function usedBytes({ usedPages, pageBytes }: StoreStats): number {
  return usedPages * pageBytes
}

/** How many entries each database has. */
export function entriesIn({ databases }: StoreStats): ReadonlyMap<string, number> {
  return new Map(databases.map(({ name, entries }) => [name, entries]))
}

/** How many entries each database of another file has. It stays open, as every environment does. */
export function entriesOf(path: string): ReadonlyMap<string, number> {
  const copy = open({ path, noSubdir: true, readOnly: true, maxDbs: MAX_DATABASES })
  const names = [...copy.getKeys()].map(String)
  const entries = (name: string) => (copy.openDB(name, { encoding: 'binary' }).getStats() as PageStats).entryCount
  return new Map(names.map(name => [name, entries(name)]))
}
