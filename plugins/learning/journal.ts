/**
 * The journal in a table of the store, and the weights that are its sum. Every process keeps the sum in memory and follows what others write; what
 * each entry counts here is remembered by its key, so hearing of a change twice, late or out of order does no harm.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import type { Clock, Table, TableChange, TableEntry } from 'posthouse/api'
import { newId } from 'posthouse/text'
import {
  ALL,
  amountOf,
  type Entry,
  isSite,
  type Label,
  prefixOf,
  readEntry,
  SITE,
  type Standing,
  teacherOf,
  writeEntry,
} from './entry.js'
import { type Known, OwnWeights } from './own-weights.js'
import type { Tokens } from './tokens/sink.js'
import { TaughtWeights } from './weights.js'

/** Rows that tell other processes which entries have changed. */
const NEWS = 'n/'
/** So late a change of another process may be written, after it took its place in the order. */
const LATE_MS = 60_000
/** News and taken-back entries are kept so long; who slept longer reads everything anew. */
const KEEP_NEWS_MS = 3_600_000
/** Read without a pause for others: some milliseconds. */
const PAGE = 25
const NEWS_PAGE = 1000
/** So many of one account count as experience of the whole site. */
export const EXPERIENCE_OF_ONE = 50

export interface Taught {
  readonly spam: number
  readonly ham: number
}

/** Of one teacher. */
interface Sums {
  spam: number
  ham: number
  byHand: number
  shared: number
  changes: number
}

/** What an entry counts here, as far as this process knows. */
interface Counted extends Known {
  /** Of its tokens: what is taken away has to be what was added. */
  readonly sum: number
}

export class Journal {
  readonly #table: Table
  readonly #clock: Clock
  readonly #told: () => void
  #weights = new TaughtWeights()
  #changes = 0
  #takenBack = 0
  #counted = new Map<string, Counted>()
  #teachers = new Map<string, Sums>()
  readonly #own: OwnWeights
  #loading: Promise<void> | undefined
  #staged = new Map<string, Entry>()
  #beside: readonly TableChange[] = []
  /** On their way to the disk. */
  readonly #writing = new Set<ReadonlyMap<string, Entry>>()
  #heard = new Set<string>()
  #heardAt = 0

  /** `told`: other processes should look. */
  constructor(table: Table, clock: Clock, told: () => void = () => undefined) {
    this.#table = table
    this.#own = new OwnWeights(table, {
      known: key => this.#counted.get(key),
      unwritten: () => [...this.#writing, this.#staged].flatMap(entries => [...entries]),
    })
    this.#clock = clock
    this.#told = told
  }

  /** The weights that count for everybody. */
  get weights(): TaughtWeights {
    return this.#weights
  }

  /** Counts up whenever the weights change. */
  get changes(): number {
    return this.#changes
  }

  /** Counts up whenever a lesson goes. */
  get takenBack(): number {
    return this.#takenBack
  }

  /** Reads everything, once. */
  ready(): Promise<void> {
    this.#loading ??= this.#load().catch(error => {
      this.#loading = undefined
      throw error
    })
    return this.#loading
  }

  async #load(): Promise<void> {
    this.#weights = new TaughtWeights()
    this.#counted = new Map()
    this.#teachers = new Map()
    this.#own.clear()
    this.#heardAt = this.#clock.now()
    this.#heard = new Set((await this.#news(this.#heardAt)).map(({ key }) => key))
    for (let after = ALL; ; ) {
      const page = await this.#table.list(ALL, after, PAGE)
      for (const { key, value } of page) this.#count(key, readEntry(value))
      if (page.length < PAGE) return
      after = page.at(-1)!.key
      await breathe()
    }
  }

  /** Hears what others have written since. */
  async follow(): Promise<void> {
    await this.ready()
    const now = this.#clock.now()
    if (now - this.#heardAt > KEEP_NEWS_MS / 2) {
      this.#loading = undefined
      return this.ready()
    }
    const rows = (await this.#news(this.#heardAt)).filter(({ key }) => !this.#heard.has(key))
    if (this.#heard.size > 5000) this.#heard = new Set([...this.#heard].filter(key => key >= newsAt(now - 2 * LATE_MS)))
    this.#heardAt = now
    for (const { key, value } of rows) {
      await this.#recount(value.split('\n'))
      this.#heard.add(key)
      await breathe()
    }
    return this.ready()
  }

  async #news(since: number): Promise<readonly TableEntry[]> {
    const all: TableEntry[] = []
    for (let after = newsAt(since - LATE_MS); ; after = all.at(-1)!.key) {
      const page = await this.#table.list(NEWS, after, NEWS_PAGE)
      all.push(...page)
      if (page.length < NEWS_PAGE) return all
    }
  }

  async #recount(keys: readonly string[]): Promise<void> {
    const values = await this.#table.get(keys)
    for (const [at, key] of keys.entries())
      this.#count(key, values[at] === undefined ? undefined : readEntry(values[at]))
  }

  /** Makes the sum what it is with this entry as it is now. */
  #count(key: string, entry: Entry | undefined): void {
    const before = this.#counted.get(key)
    if (entry === undefined) {
      // Only what had been taken back before goes without a word; anything else is read anew.
      if (before !== undefined && !before.gone) this.#loading = undefined
      this.#counted.delete(key)
      return
    }
    const { tokens, ...standing } = entry
    const now: Counted = { ...standing, gone: entry.goneAt !== undefined, sum: sumOf(tokens) }
    if (before !== undefined && !before.gone && before.sum !== now.sum) {
      // Two workers were taught the same mail at once, as two hosts had passed it on. What was added is known no more.
      this.#loading = undefined
      return
    }
    if (before !== undefined && !before.gone) this.#sum(key, entry, before, -1)
    if (!now.gone) this.#sum(key, entry, now, 1)
    else if (before !== undefined && !before.gone) this.#takenBack++
    this.#counted.set(key, now)
    if (!isSite(key)) this.#own.count(key, tokens, before, now)
  }

  #sum(key: string, { tokens }: Entry, { label, shared, by }: Standing, sign: 1 | -1): void {
    this.#changes++
    if (shared !== 0) this.#weights.add(tokens, sign * amountOf(label, shared))
    const teacher = teacherOf(key)
    const sums = this.#teachers.get(teacher) ?? { spam: 0, ham: 0, byHand: 0, shared: 0, changes: 0 }
    sums.changes++
    sums[label] += sign
    sums.shared += sign * shared
    if (by !== 'auto') sums.byHand += sign
    this.#teachers.set(teacher, sums)
  }

  standing(key: string): Standing | undefined {
    const counted = this.#counted.get(key)
    return counted === undefined || counted.gone ? undefined : counted
  }

  /** There is a row for it, of whatever was taken back as well. */
  isKept(key: string): boolean {
    return this.#counted.has(key)
  }

  async entry(key: string): Promise<Entry | undefined> {
    const entry = await this.row(key)
    return entry?.goneAt === undefined ? entry : undefined
  }

  /** Also what was taken back and is still kept. */
  async row(key: string): Promise<Entry | undefined> {
    const [value] = await this.#table.get([key])
    return this.#staged.get(key) ?? (value === undefined ? undefined : readEntry(value))
  }

  /** Counts at once in this process; `flush` writes it. */
  stage(key: string, entry: Entry): void {
    this.#staged.set(key, entry)
    this.#count(key, entry)
  }

  /** Written with what is staged. */
  stageBeside(changes: readonly TableChange[]): void {
    this.#beside = [...this.#beside, ...changes]
  }

  get table(): Table {
    return this.#table
  }

  isStaged(key: string): boolean {
    return this.#staged.has(key)
  }

  get staged(): number {
    return this.#staged.size
  }

  /** What is staged: all or nothing, on disk when it resolves. */
  async flush(): Promise<void> {
    const entries = this.#staged
    if (entries.size === 0) return
    const beside = this.#beside
    this.#staged = new Map()
    this.#beside = []
    this.#writing.add(entries)
    const changes: TableChange[] = [...entries].map(([key, entry]) => ({ key, value: writeEntry(entry) }))
    const news = `${NEWS}${newId(this.#clock.now())}`
    this.#heard.add(news)
    try {
      await this.#table.write([...changes, ...beside, { key: news, value: [...entries.keys()].join('\n') }])
    } catch (error) {
      // What was counted is not kept: all is read anew before it is used again.
      this.#loading = undefined
      throw error
    } finally {
      this.#writing.delete(entries)
    }
    this.#told()
  }

  /** What others have said of these since they were taken stands: it is not overwritten. */
  async giveWay(taken: ReadonlyMap<string, Entry>): Promise<void> {
    const keys = [...taken.keys()].filter(key => this.#staged.has(key))
    const values = await this.#table.get(keys)
    for (const [at, key] of keys.entries()) {
      const now = values[at] === undefined ? undefined : readEntry(values[at])
      if (now !== undefined && isSame(now, taken.get(key)!)) continue
      this.#staged.delete(key)
      this.#count(key, now)
    }
  }

  /** How many lessons have come, or gone, since then. */
  changedSince(since: number, who: string): number {
    const whose = prefixOf(who)
    return [...this.#counted].filter(([key, { at, goneAt }]) => key.startsWith(whose) && (goneAt ?? at) >= since).length
  }

  /** What an account's own teaching adds for its own mail. */
  own(account: string): Promise<TaughtWeights> {
    const teacher = prefixOf(account)
    return this.#own.of(teacher, this.#teachers.has(teacher))
  }

  /** Of all teachers, but of each account only so many: one who teaches all day makes no site experienced. */
  siteTaught(): Taught {
    const taught = { spam: 0, ham: 0 }
    const site = prefixOf(SITE)
    for (const [teacher, sums] of this.#teachers) {
      const most = teacher === site ? Number.POSITIVE_INFINITY : EXPERIENCE_OF_ONE
      taught.spam += Math.min(most, sums.spam)
      taught.ham += Math.min(most, sums.ham)
    }
    return taught
  }

  taughtBy(account: string): Taught {
    return this.#teachers.get(prefixOf(account)) ?? { spam: 0, ham: 0 }
  }

  /** Counts up whenever something that this account taught changes. */
  changesBy(account: string): number {
    return this.#teachers.get(prefixOf(account))?.changes ?? 0
  }

  byHand(): number {
    let sum = 0
    for (const { byHand } of this.#teachers.values()) sum += byHand
    return sum
  }

  /** How much of what an account taught counts for everybody, in thousandths. */
  sharedBy(account: string): number {
    return this.#teachers.get(prefixOf(account))?.shared ?? 0
  }

  /** Keys, newest first. */
  newest(most: number, whose?: string): readonly string[] {
    return [...this.#counted]
      .filter(([key, { gone }]) => !gone && (whose === undefined || key.startsWith(whose)))
      .sort(([, a], [, b]) => b.at - a.at)
      .slice(0, most)
      .map(([key]) => key)
  }

  /** Of both labels the newest, in like numbers while there are so many: who has learned all ham last would see nothing else. */
  newestOfBoth(most: number, whose: string): readonly string[] {
    const all = this.newest(Number.POSITIVE_INFINITY, whose)
    const [spam, ham] = (['spam', 'ham'] as const).map(label =>
      all.filter(key => this.#counted.get(key)!.label === label),
    ) as [string[], string[]]
    const half = Math.floor(most / 2)
    return [
      ...spam.slice(0, Math.max(half, most - ham.length)),
      ...ham.slice(0, Math.max(most - half, most - spam.length)),
    ]
  }

  async take(keys: readonly string[]): Promise<ReadonlyMap<string, Entry>> {
    const values = await this.#table.get(keys)
    const entries = new Map<string, Entry>()
    for (const [at, key] of keys.entries()) {
      const entry = this.#staged.get(key) ?? (values[at] === undefined ? undefined : readEntry(values[at]))
      if (entry !== undefined && entry.goneAt === undefined) entries.set(key, entry)
    }
    return entries
  }

  /** Removes news that everybody has heard, and what was taken back long ago. Returns how many rows went. */
  async tidy(): Promise<number> {
    const before = this.#clock.now() - KEEP_NEWS_MS
    const news = await this.#table.list(NEWS, NEWS, NEWS_PAGE)
    const old = news.filter(({ key }) => key < newsAt(before)).map(({ key }) => key)
    const gone = [...this.#counted]
      .filter(([, { goneAt }]) => goneAt !== undefined && goneAt < before)
      .slice(0, 1000)
      .map(([key]) => key)
    const keys = [...old, ...gone]
    if (keys.length > 0) await this.#table.write(keys.map(key => ({ key, value: undefined })))
    for (const key of gone) this.#counted.delete(key)
    return keys.length
  }

  counts(): Readonly<Record<Label, number>> & { readonly teachers: number } {
    let spam = 0
    let ham = 0
    for (const sums of this.#teachers.values()) {
      spam += sums.spam
      ham += sums.ham
    }
    return { spam, ham, teachers: this.#teachers.size }
  }
}

function sumOf(tokens: Tokens): number {
  let sum = 0
  for (const [at, list] of tokens.entries()) {
    for (const token of list) sum = (sum + Math.imul(token + 1, 0x9e3779b1 + 2 * at)) | 0
  }
  return sum
}

function isSame(one: Standing, other: Standing): boolean {
  return (['label', 'by', 'at', 'own', 'shared', 'goneAt'] as const).every(key => one[key] === other[key])
}

/** The first key of the time. */
function newsAt(at: number): string {
  return `${NEWS}${newId(at, () => 0)}`
}
