/**
 * Evidence on durability. A small preloaded library (flush-counter.c, compiled when a C compiler is there) counts a server's flushes
 * and can hold every flush back; a 250 that does not come later under delay was said before the disk had the message.
 * Without compiler, on another system, or with data on a memory file system, the answer is "not checked" or "no", never a guess.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, statfsSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './root.js'

export type Evidence =
  | { readonly kind: 'durable'; readonly why: string }
  | { readonly kind: 'not durable'; readonly why: string }
  | { readonly kind: 'not checked'; readonly why: string }
  | { readonly kind: 'no writes'; readonly why: string }

/** Slots of the shared file, as in flush-counter.c. */
const SLOTS = 7
const DELAY_OFFSET = 5 * 8

export interface Flushes {
  /** fsync, fdatasync and msync(MS_SYNC) calls. */
  readonly calls: number
  /** Writes through O_SYNC or O_DSYNC descriptors. */
  readonly syncWrites: number
  /** Time spent in all of these. */
  readonly ms: number
  /** Octets handed to files, the log included. */
  readonly fileBytes: number
}

/** Compiles the library; a sentence when that cannot be. */
export function buildFlushCounter(folder: string): { readonly library: string } | { readonly why: string } {
  if (process.platform !== 'linux') return { why: 'only on Linux' }
  const library = join(folder, 'flush-counter.so')
  const source = join(ROOT, 'bench/lib/flush-counter.c')
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'], { stdio: 'pipe', timeout: 30_000 })
    return { library }
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return { why: missing ? 'no C compiler' : `the flush counter does not compile: ${String(error).slice(0, 200)}` }
  }
}

/** Counters of one server. */
export class FlushCounter {
  readonly env: Readonly<Record<string, string>>
  readonly #file: string

  constructor(library: string, file: string) {
    this.#file = file
    writeFileSync(file, Buffer.alloc(SLOTS * 8))
    this.env = { LD_PRELOAD: library, BENCH_FLUSH_FILE: file }
  }

  read(): Flushes {
    const slots = readFileSync(this.#file)
    const slot = (at: number): number => Number(slots.readBigUInt64LE(at * 8))
    return { calls: slot(0) + slot(1) + slot(2), syncWrites: slot(3), ms: slot(4) / 1e6, fileBytes: slot(6) }
  }

  /** From now on every flush takes this much longer; 0 ends it. */
  delay(ms: number): void {
    const value = Buffer.alloc(8)
    value.writeBigUInt64LE(BigInt(Math.round(ms * 1000)))
    const fd = openSync(this.#file, 'r+')
    try {
      writeSync(fd, value, 0, 8, DELAY_OFFSET)
    } finally {
      closeSync(fd)
    }
  }
}

export const PROBE_DELAY_MS = 250

/** What the probe says: `latencies` of single messages while every flush was held for `delayMs`, `usualMs` without. Pure. */
export function judge(latencies: readonly number[], usualMs: number, delayMs: number, flushes: number): Evidence {
  if (latencies.length === 0) return { kind: 'not checked', why: 'no message got through while flushes were held' }
  const least = Math.min(...latencies)
  const facts = `flushes held for ${delayMs} ms: 250 after ${least.toFixed(0)} ms or more, else ${usualMs.toFixed(1)} ms`
  if (flushes === 0) return { kind: 'not durable', why: 'a message was answered without a single flush' }
  // A timer may end a hair early; anything near the delay waited for the flush.
  return least >= delayMs * 0.95 ? { kind: 'durable', why: facts } : { kind: 'not durable', why: facts }
}

/** A file system in memory keeps nothing, whatever is flushed. Magic numbers as in statfs(2). */
export function fileSystemOf(folder: string): { readonly name: string; readonly inMemory: boolean } {
  const type = statfsSync(folder).type
  const known = new Map([
    [0x01021994, 'tmpfs'],
    [0x858458f6, 'ramfs'],
    [0xef53, 'ext4'],
    [0x58465342, 'xfs'],
    [0x9123683e, 'btrfs'],
    [0x794c7630, 'overlay'],
    [0x2fc12fc1, 'zfs'],
  ])
  const name = known.get(type) ?? `type 0x${type.toString(16)}`
  return { name, inMemory: name === 'tmpfs' || name === 'ramfs' }
}
