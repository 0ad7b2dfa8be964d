/**
 * The whole list: files and the run-time list, asked as one (service `local-list`). The closest fit has the word, wherever it stands; of
 * two that fit alike, one that allows. Files are looked at every few moments and read anew when they have changed.
 */
import { readdir } from 'node:fs/promises'
import {
  type Clock,
  ConfigError,
  type Fault,
  type ListEntry,
  type ListQuestion,
  type LocalList,
  type Log,
} from 'posthouse/api'
import { entryIn, type ListFile, readListFile, stampOf } from './file.js'
import { keysFor, type Lengths } from './pattern.js'
import { isOver, type RunTimeList } from './run-time.js'

export interface SiteListParts {
  /** As in config; a name that ends in `/` is a folder, whose `*.list` files are meant. */
  readonly names: readonly string[]
  readonly resolve: (name: string) => string
  readonly maxEntries: number
  readonly runTime: RunTimeList
  readonly clock: Clock
  readonly log: Log
}

/** A file is written to again and again: it is read at the next look. */
const MAX_MOVING = 3

export class SiteList implements LocalList {
  readonly #parts: SiteListParts
  #files: readonly ListFile[] = []
  #lengths: Lengths = { ipv4: [], ipv6: [] }
  /** What was said of the faults of a file or folder belongs to this version of it. */
  readonly #faulty = new Map<string, string>()
  #opened: Promise<void> | undefined
  #looking: Promise<void> | undefined

  constructor(parts: SiteListParts) {
    this.#parts = parts
  }

  get files(): readonly ListFile[] {
    return this.#files
  }

  /** Reads all files, once. Throws `ConfigError` when any of them is wrong. */
  open(): Promise<void> {
    this.#opened ??= this.#open()
    return this.#opened
  }

  async find(question: ListQuestion): Promise<ListEntry | undefined> {
    return (await this.findAll([question]))[0]
  }

  /** The same for each of many, for hardly more than one costs. */
  async findAll(questions: readonly ListQuestion[]): Promise<readonly (ListEntry | undefined)[]> {
    await this.open()
    const { runTime, clock } = this.#parts
    const now = clock.now()
    // Most sites have files alone, or nothing.
    const empty = await runTime.isEmpty()
    const lengths = empty ? this.#lengths : together([this.#lengths, await runTime.lengths()])
    const keys = questions.map(question => keysFor(question, lengths))
    const written = empty ? [] : await runTime.get(keys.flat())
    let from = 0
    return keys.map(own => {
      const start = from
      from += own.length
      return this.#best(own, at => written[start + at], now)
    })
  }

  /** Of the first key that anything stands under whose time is not over. */
  #best(keys: readonly string[], written: (at: number) => ListEntry | undefined, now: number): ListEntry | undefined {
    for (const [at, key] of keys.entries()) {
      let found = live(written(at), now)
      for (const file of this.#files) {
        const entry = found?.kind === 'allow' ? undefined : live(entryIn(file, key), now)
        if (entry !== undefined && (found === undefined || entry.kind === 'allow')) found = entry
      }
      if (found !== undefined) return found
    }
    return undefined
  }

  async changedAt(): Promise<number> {
    return Math.max(await this.#parts.runTime.changedAt(), ...this.#files.map(file => file.changedAt))
  }

  /** Reads what has changed. What is wrong is said in the log, and what was read before stays. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch(error => this.#parts.log.error({ err: error }, 'list files cannot be looked after'))
      .finally(() => {
        this.#looking = undefined
      })
    return this.#looking
  }

  async #open(): Promise<void> {
    const read: ListFile[] = []
    const faults: Fault[] = []
    for (const name of await this.#names()) {
      try {
        const reading = await this.#read(name)
        if (reading.kind === 'faulty') faults.push(...reading.faults)
        if (reading.kind === 'read') read.push(reading.file)
        if (reading.kind === 'moving')
          this.#parts.log.warn({ file: name }, 'list file is being written to and is read later')
      } catch (error) {
        faults.push(unreadable(name, error))
      }
    }
    if (faults.length > 0) throw new ConfigError(faults)
    this.#take(read)
  }

  async #look(): Promise<void> {
    await this.open()
    const known = new Map(this.#files.map(file => [file.name, file]))
    const files: ListFile[] = []
    for (const name of await this.#names()) {
      const before = known.get(name)
      const file = await this.#newer(name, before)
      if (file !== undefined) files.push(file)
    }
    const changed = files.length !== this.#files.length || files.some((file, at) => file !== this.#files[at])
    if (changed) this.#take(files)
  }

  /** What stands there now, or what was read before when nothing has changed or it is wrong. */
  async #newer(name: string, before: ListFile | undefined): Promise<ListFile | undefined> {
    const { resolve, log } = this.#parts
    let stamp = 'unknown'
    try {
      stamp = (await stampOf(resolve(name))).stamp
      if (stamp === before?.stamp || stamp === this.#faulty.get(name)) return before
      const reading = await this.#read(name)
      if (reading.kind === 'moving') return before
      if (reading.kind === 'read') {
        this.#faulty.delete(name)
        return reading.file
      }
      this.#faulty.set(name, stamp)
      const faults = reading.faults.slice(0, 3).map(one => `${one.file}:${one.line}:${one.column}: ${one.message}`)
      log.warn({ file: name, faults, count: reading.faults.length }, 'list file is wrong, what was read before stays')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === undefined) throw error
      if (this.#faulty.get(name) !== code)
        log.warn({ file: name, code }, 'list file cannot be read, what was read before stays')
      this.#faulty.set(name, code)
    }
    return before
  }

  async #read(name: string) {
    const { resolve, maxEntries } = this.#parts
    for (let tries = 1; ; tries++) {
      const reading = await readListFile(name, resolve(name), maxEntries)
      if (reading.kind !== 'moving' || tries >= MAX_MOVING) return reading
    }
  }

  async #names(): Promise<readonly string[]> {
    const { names, resolve, log } = this.#parts
    const lists = names.map(async name => {
      if (!name.endsWith('/')) return [name]
      try {
        const inside = await readdir(resolve(name))
        this.#faulty.delete(name)
        return inside
          .filter(file => file.endsWith('.list') && !file.startsWith('.'))
          .sort()
          .map(file => name + file)
      } catch (error) {
        const { code = 'unknown' } = error as NodeJS.ErrnoException
        if (this.#faulty.get(name) !== code) log.warn({ folder: name, code }, 'folder of lists cannot be read')
        this.#faulty.set(name, code)
        return this.#files.map(file => file.name).filter(file => file.startsWith(name))
      }
    })
    return [...new Set((await Promise.all(lists)).flat())]
  }

  #take(files: readonly ListFile[]): void {
    const before = new Set(this.#files)
    this.#files = files
    this.#lengths = together(files.map(file => file.lengths))
    const told = files.filter(file => !before.has(file))
    for (const { name, list, twice } of told)
      this.#parts.log.info({ file: name, entries: list.size, twice, bytes: list.bytes }, 'list file read')
  }
}

function live(entry: ListEntry | undefined, now: number): ListEntry | undefined {
  return entry === undefined || isOver(entry, now) ? undefined : entry
}

function together(all: readonly Lengths[]): Lengths {
  const [first, second] = all
  if (first !== undefined && second === undefined) return first
  const of = (family: keyof Lengths) => [...new Set(all.flatMap(one => one[family]))].sort((a, b) => b - a)
  return { ipv4: of('ipv4'), ipv6: of('ipv6') }
}

function unreadable(name: string, error: unknown): Fault {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) throw error
  const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`
  return { file: name, line: 1, column: 1, message: `${why}; local-list in plugins.yaml names it` }
}
