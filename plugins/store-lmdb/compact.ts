/**
 * Makes a file of the store small again: LMDB uses freed pages anew but never gives them back. Only while no other process has the file
 * open, or what it accepted meanwhile would be in the file that goes. Both sides look for the other after they have shown themselves: the
 * compacter leaves a marker and then looks who reads; whoever opens the file stands in LMDB's table of readers and then looks for the marker.
 * So of two at once at least one gives way. The old file stays in place until the new one is whole and on disk.
 */
import { existsSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isAlive, SELF } from './owner.js'
import { entriesIn, entriesOf, type StoreStats, usedBytes } from './stats.js'

/** What compacting asks of an environment. */
export interface Compactable {
  readonly path: string
  /** Process ids, our own left out. */
  otherProcesses(): readonly number[]
  /** From now on writes are refused. Resolves when none is under way. */
  freeze(): Promise<void>
  copy(path: string): Promise<void>
  /** Of the file as it is now. */
  stats(): StoreStats
}

export interface Compacted {
  readonly path: string
  readonly beforeBytes: number
  readonly afterBytes: number
}

/** It was not done, and nothing has changed. */
export class CompactError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CompactError'
  }
}

const SPARE_BYTES = 16 * 1024 ** 2

/** Throws when somebody compacts this file. A marker left behind by a crash is taken away, with the half copy beside it. */
export function refuseWhileCompacted(path: string): void {
  const marker = markerOf(path)
  if (!existsSync(marker)) return
  const owner = readOwner(marker)
  if (owner === SELF) return
  if (owner !== undefined && isAlive(owner))
    throw new Error(`${path} is being compacted by process ${owner.split('.')[0]}; try again when that is over`)
  rmSync(copyOf(path), { force: true })
  rmSync(marker, { force: true })
}

/** Resolves when the small file is in place and on disk. This process must end then: it has the old one open. */
export async function compact(env: Compactable): Promise<Compacted> {
  const { path } = env
  const [marker, copy] = [markerOf(path), copyOf(path)]
  refuseWhileCompacted(path)
  await env.freeze()
  claim(marker, path)
  try {
    const others = env.otherProcesses()
    if (others.length > 0)
      throw new CompactError(
        `${path} is in use by process ${others.join(', ')}: end the server (and other commands) first, it is done in moments`,
      )
    makeRoom(env)
    rmSync(copy, { force: true })
    await env.copy(copy)
    await flush(copy)
    insist(entriesIn(env.stats()), entriesOf(copy), path)
    const beforeBytes = statSync(path).size
    const afterBytes = statSync(copy).size
    await rename(copy, path)
    // It counts the commits of the file that has gone.
    rmSync(`${path}-lock`, { force: true })
    await flush(dirname(path))
    return { path, beforeBytes, afterBytes }
  } finally {
    rmSync(copy, { force: true })
    rmSync(`${copy}-lock`, { force: true })
    rmSync(marker, { force: true })
  }
}

function markerOf(path: string): string {
  return `${path}.compacting`
}

function copyOf(path: string): string {
  return `${path}.compact`
}

function readOwner(marker: string): string | undefined {
  try {
    return readFileSync(marker, 'utf8')
  } catch {
    return undefined
  }
}

/** Of two that compact at once one finds the marker there. */
function claim(marker: string, path: string): void {
  try {
    writeFileSync(marker, SELF, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new CompactError(`${path} is being compacted by another process`)
  }
}

function makeRoom(env: Compactable): void {
  const { bavail, bsize } = statfsSync(dirname(env.path))
  const wanted = usedBytes(env.stats()) + SPARE_BYTES
  if (bavail * bsize >= wanted) return
  const mb = (bytes: number) => Math.ceil(bytes / 1024 ** 2)
  throw new CompactError(`the copy needs ${mb(wanted)} MB, and ${mb(bavail * bsize)} MB of the disk are free`)
}

/** Nobody exchanges a store for one that lacks something. */
function insist(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>, path: string): void {
  for (const [name, entries] of before)
    if (after.get(name) !== entries)
      throw new CompactError(`the copy of ${path} has ${after.get(name) ?? 0} entries in ${name} and not ${entries}`)
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
