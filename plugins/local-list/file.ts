/**
 * Reads one list file into memory. The file is read in pieces, so that a server goes on serving meanwhile; it is taken whole or, when
 * anything in it is wrong, not at all.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Fault, ListEntry } from 'posthouse/api'
import { CompactList } from './compact.js'
import { MAX_LINE, type Note, readLine, readNote } from './line.js'
import { type Lengths, patternOf } from './pattern.js'

export interface ListFile {
  /** As in config. */
  readonly name: string
  /** Changes with the file. */
  readonly stamp: string
  readonly changedAt: number
  readonly list: CompactList
  readonly lengths: Lengths
  /** Of its lines that begin with `:`. */
  readonly defaults: readonly Note[]
  /** Entries that stand in it more than once. */
  readonly twice: number
}

export type Reading =
  | { readonly kind: 'read'; readonly file: ListFile }
  | { readonly kind: 'faulty'; readonly faults: readonly Fault[] }
  /** It was written to meanwhile: look again. */
  | { readonly kind: 'moving' }

const MAX_FAULTS = 20
const PIECE = 64 * 1024

/** What tells one version of a file from another. Rejects as `stat` does. */
export async function stampOf(path: string): Promise<{ readonly stamp: string; readonly changedAt: number }> {
  const { size, mtimeMs, ino } = await stat(path)
  return { stamp: `${size} ${mtimeMs} ${ino}`, changedAt: Math.floor(mtimeMs) }
}

/** Rejects when the file cannot be read. */
export async function readListFile(name: string, path: string, most: number): Promise<Reading> {
  const before = await stampOf(path)
  const reader = new Lines(name, most)
  let left = ''
  for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: PIECE })) {
    const lines = (left + (piece as string)).split('\n')
    left = lines.pop()!
    for (const line of lines) reader.take(line)
    // A line without end is a fault, and not kept in memory until then.
    if (left.length > MAX_LINE * 2) left = left.slice(0, MAX_LINE * 2)
    if (reader.full) break
  }
  if (left !== '') reader.take(left)
  if ((await stampOf(path)).stamp !== before.stamp) return { kind: 'moving' }
  if (reader.faults.length > 0) return { kind: 'faulty', faults: reader.faults }
  return { kind: 'read', file: { name, ...before, ...reader.done() } }
}

/** What stands under the key, whether or not its time is over. */
export function entryIn({ name, list, defaults }: ListFile, key: string): ListEntry | undefined {
  const row = list.find(key)
  return row === undefined ? undefined : entryAt({ name, list, defaults }, row, key)
}

function entryAt({ name, list, defaults }: Pick<ListFile, 'name' | 'list' | 'defaults'>, row: number, key: string) {
  const { allow, defaults: which, note, line } = list.at(row)
  const own = readNote(note)
  const said = { ...defaults[which], ...('kind' in own ? {} : own) }
  return { kind: allow ? 'allow' : 'block', pattern: patternOf(key), place: `${name}:${line}`, ...said } as const
}

/** In the order of its lines. */
export function* entriesOf(file: ListFile): Iterable<ListEntry> {
  for (let row = 0; row < file.list.size; row++) yield entryAt(file, row, file.list.keyAt(row))
}

class Lines {
  readonly faults: Fault[] = []
  readonly #name: string
  readonly #most: number
  readonly #list = new CompactList()
  readonly #defaults: Note[] = [{}]
  readonly #ipv4 = new Set<number>()
  readonly #ipv6 = new Set<number>()
  #line = 0
  #twice = 0
  #over = false
  /** Found to be right last; neighbours say mostly the same. */
  #lastNote = ''

  constructor(name: string, most: number) {
    this.#name = name
    this.#most = most
  }

  /** More faults than anybody reads, or more lines than are wanted. */
  get full(): boolean {
    return this.#over || this.faults.length >= MAX_FAULTS
  }

  take(text: string): void {
    this.#line++
    if (this.full) return
    const line = readLine(this.#line === 1 && text.startsWith('\ufeff') ? text.slice(1) : text)
    switch (line.kind) {
      case 'nothing':
        return
      case 'wrong':
        this.#fault(line.column, line.message)
        return
      case 'defaults': {
        const note = this.#noteOf(line.rest, text)
        if (note !== undefined) this.#defaults.push(note)
        return
      }
      case 'entry':
        this.#add(line.key, line.allow, line.rest, text)
    }
  }

  #add(key: string, allow: boolean, note: string, text: string): void {
    if (note !== this.#lastNote && this.#noteOf(note, text) === undefined) return
    this.#lastNote = note
    const there = this.#list.add(key, { allow, defaults: this.#defaults.length - 1, note, line: this.#line })
    if (there !== undefined) {
      this.#again(there, key, allow, text)
      return
    }
    if (this.#list.size > this.#most) {
      this.#fault(1, `there are more than ${this.#most} entries; see max_entries of local-list in plugins.yaml`)
      this.#over = true
      return
    }
    const bits = (): number => Number(key.slice(2, key.indexOf('/', 2)))
    if (key[0] === '4') this.#ipv4.add(bits())
    else if (key[0] === '6') this.#ipv6.add(bits())
  }

  /** The first one holds; that a thing is allowed and blocked at once nobody can have meant. */
  #again(row: number, key: string, allow: boolean, text: string): void {
    const first = this.#list.at(row)
    this.#twice++
    if (first.allow !== allow)
      this.#fault(
        text.search(/\S/) + 1,
        `${patternOf(key)} stands in line ${first.line} already, with the opposite meaning`,
      )
  }

  #noteOf(rest: string, text: string): Note | undefined {
    const note = readNote(rest)
    if (!('kind' in note)) return note
    this.#fault(Math.max(1, text.indexOf(rest) + 1), note.message)
    return undefined
  }

  #fault(column: number, message: string): void {
    this.faults.push({ file: this.#name, line: this.#line, column, message })
  }

  done(): Pick<ListFile, 'list' | 'lengths' | 'defaults' | 'twice'> {
    const sorted = (bits: Set<number>) => [...bits].sort((a, b) => b - a)
    return {
      list: this.#list.seal(),
      lengths: { ipv4: sorted(this.#ipv4), ipv6: sorted(this.#ipv6) },
      defaults: this.#defaults,
      twice: this.#twice,
    }
  }
}
