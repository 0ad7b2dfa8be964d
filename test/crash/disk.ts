/** The moods of a server's disk: a preloaded library (disk.c) holds its flushes back and fails them, and its writes, as told here. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { program, ROOT } from '../harness/shared.js'

/** Slots of the shared file, as in disk.c. */
const SLOTS = { delay: 0, flush: 1, write: 2, meta: 3, flushes: 4, flushesFailed: 5, writesFailed: 6, held: 7 } as const
const BYTES = 8
const FOR_EVER_US = 600_000_000

export const ERROR = { io: 5, full: 28, readOnly: 30 } as const

const compiler = program('cc')
export const noDisk = compiler === undefined || process.platform !== 'linux' ? 'needs a C compiler on Linux' : false

export class Disk {
  readonly env: Readonly<Record<string, string>>
  readonly #file: string

  /** For files whose names end with `ending`. */
  constructor(ending: string) {
    const folder = mkdtempSync(join(tmpdir(), 'posthouse-disk-'))
    const library = join(folder, 'disk.so')
    execFileSync(compiler!, ['-shared', '-fPIC', '-O2', '-o', library, join(ROOT, 'test/crash/disk.c'), '-ldl'])
    this.#file = join(folder, 'slots')
    writeFileSync(this.#file, Buffer.alloc(Object.keys(SLOTS).length * BYTES))
    this.env = { LD_PRELOAD: library, DISK_FILE: this.#file, DISK_NAME: ending }
  }

  /** Every flush waits until `heal`. */
  holdFlushes(): void {
    this.#set('delay', FOR_EVER_US)
  }

  /** `flush`: fdatasync; `write`: all writes; `meta`: only the write that names the new tree. */
  fail(what: 'flush' | 'write' | 'meta', error: keyof typeof ERROR): void {
    this.#set(what, ERROR[error])
  }

  heal(): void {
    for (const what of ['delay', 'flush', 'write', 'meta'] as const) this.#set(what, 0)
  }

  read(what: 'flushes' | 'flushesFailed' | 'writesFailed' | 'held'): number {
    return Number(readFileSync(this.#file).readBigUInt64LE(SLOTS[what] * BYTES))
  }

  #set(what: keyof typeof SLOTS, value: number): void {
    const slot = Buffer.alloc(BYTES)
    slot.writeBigUInt64LE(BigInt(value))
    const fd = openSync(this.#file, 'r+')
    try {
      writeSync(fd, slot, 0, BYTES, SLOTS[what] * BYTES)
    } finally {
      closeSync(fd)
    }
  }
}
