/**
 * Our own modules as they were read and compiled at an earlier start, in one file (`kept-code/own-modules`): docs/decisions/0088. A module counts while its file is the very same; what is missing is compiled by whoever asks, and given here to be kept.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readOwnSync, replaceOwn } from '../config/own-file.js'

const NAME = 'own-modules'
/** Ten times what there is. */
const MAX_BYTES = 64 * 1024 * 1024
/** V8 looks at its own version; `1` is this format's. */
const FORMAT = `1 ${process.version} ${process.arch}`
const MANIFEST = new URL('../../../package.json', import.meta.url)

const NO_CODE = Buffer.alloc(0)

export interface KeptModule {
  readonly text: string
  /** As V8 made it. */
  readonly code: Buffer | undefined
}

/** A module that has not run yet. */
export interface Compiled {
  createCachedData(): Buffer
}

interface Entry {
  /** Says whether the file has changed. */
  readonly stamp: string
  readonly text: Buffer
  readonly code: Buffer
}

type Row = readonly [path: string, stamp: string, textBytes: number, codeBytes: number]

export class KeptModules {
  readonly #folder: string
  readonly #place: string
  readonly #program: string
  /** Of earlier starts, by path. */
  #kept: ReadonlyMap<string, Entry>
  /** Of this start; nothing when it is over. */
  #used: Map<string, Entry> | undefined = new Map()
  #isNew = false

  /** `folder`: where code may be kept. */
  constructor(folder: string) {
    this.#folder = folder
    this.#place = join(folder, NAME)
    this.#program = program()
    this.#kept = entriesIn(this.#place, this.#program)
  }

  find(path: string): KeptModule | undefined {
    const entry = this.#kept.get(path)
    if (entry === undefined || entry.stamp !== stampOf(path)) return undefined
    this.#used?.set(path, entry)
    return { text: entry.text.toString('utf8'), code: entry.code.length === 0 ? undefined : entry.code }
  }

  /** `stamp`: from before it was read. */
  add(path: string, stamp: string | undefined, text: string, compiled: Compiled): void {
    if (this.#used === undefined || stamp === undefined) return
    // What was kept of a module would not find its way back to us when it imports on the way: V8 knows no callback for it.
    const code = /\bimport\(/.test(text) ? NO_CODE : compiled.createCachedData()
    this.#used.set(path, { stamp, text: Buffer.from(text), code })
    this.#isNew = true
  }

  /** When a start is over: what is loaded later is seldom wanted and not kept. `writes`: the file is made anew, where there is something new. */
  async over(writes: boolean): Promise<void> {
    const used = this.#used
    this.#used = undefined
    this.#kept = new Map()
    if (!writes || used === undefined || !this.#isNew) return
    await this.#tidy()
    await replaceOwn(this.#place, fileOf(used, this.#program))
  }

  /** What a worker left that ended while it wrote. Should another server be writing now, it keeps nothing this time. */
  async #tidy(): Promise<void> {
    try {
      const left = readdirSync(this.#folder).filter(name => name.startsWith(`${NAME}.`))
      await Promise.all(left.map(name => rm(join(this.#folder, name), { force: true })))
    } catch {
      // it stays
    }
  }
}

/** A release never counts for another: file systems of images (squashfs, EROFS) have no time of change and number files alike, and NFS may be late with it. */
function program(): string {
  return `${FORMAT} ${sumOf(readFileSync(MANIFEST))}`
}

/** Of a file as it is: another one in its place has another inode or time of change, even where a package gives all files one date. */
export function stampOf(path: string): string | undefined {
  const about = statSync(path, { throwIfNoEntry: false })
  return about === undefined ? undefined : `${about.size} ${about.mtimeMs} ${about.ctimeMs} ${about.ino}`
}

/** A line about all that follows, a line about each entry, and their octets. */
function fileOf(entries: ReadonlyMap<string, Entry>, of: string): Buffer {
  const rows: Row[] = [...entries].map(([path, { stamp, text, code }]) => [path, stamp, text.length, code.length])
  const rest = Buffer.concat([
    Buffer.from(`${JSON.stringify(rows)}\n`),
    ...[...entries.values()].flatMap(({ text, code }) => [text, code]),
  ])
  return Buffer.concat([Buffer.from(`${of} ${sumOf(rest)}\n`), rest])
}

/** Nothing of a file that is not whole, not ours, or of another program. */
function entriesIn(place: string, of: string): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>()
  try {
    const file = readOwnSync(place, MAX_BYTES)
    const first = file.indexOf('\n') + 1
    const rest = file.subarray(first)
    if (file.toString('latin1', 0, first) !== `${of} ${sumOf(rest)}\n`) return entries
    const second = rest.indexOf('\n') + 1
    let at = second
    for (const [path, stamp, textBytes, codeBytes] of JSON.parse(rest.toString('utf8', 0, second)) as Row[]) {
      const code = at + textBytes
      const end = code + codeBytes
      entries.set(path, { stamp, text: rest.subarray(at, code), code: rest.subarray(code, end) })
      at = end
    }
  } catch {
    // not there, or not to be trusted: made anew
  }
  return entries
}

function sumOf(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex')
}
