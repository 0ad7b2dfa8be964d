/**
 * Blocks of the index over a mailbox, as octets: what SEARCH, SORT and THREAD ask of up to 256 messages that follow each other, gathered so that a
 * mailbox is searched without reading its messages. The number of a block is its last UID. What is removed from the mailbox stays in its block,
 * where nobody asks for it any more.
 */
import { randomInt } from 'node:crypto'
import type { IndexHead, Mailbox, MailEntry, NewIndexBlock } from 'posthouse/api'
import type { Field } from 'posthouse/text'
import type { Facts } from '../finding/facts.js'
import { fold } from '../finding/fold.js'
import { addressForms, headerText, plainForms, type Texts } from '../finding/texts.js'
import type { Turns } from '../turns.js'
import { DAY_MS, writtenDay } from '../wire/date.js'
import { ListBuilder, MOST_MESSAGES } from './list.js'
import { eachWord } from './words.js'

/** Raise it whenever texts are folded, cut or laid out otherwise: blocks of another version are made anew. */
export const VERSION = 1

/** Lists of texts: of two parts each, this number and the next. */
export const LISTS = { body: 0, rest: 2, from: 4, to: 6, cc: 8, bcc: 10, subject: 12 } as const
/** Columns: a value for each message, in order. */
export const COLUMNS = {
  arrival: 32,
  size: 33,
  /** As SENTON asks. */
  sentDay: 34,
  /** As SORT asks. */
  sent: 35,
  subject: 36,
  from: 37,
  to: 38,
  cc: 39,
  ids: 40,
} as const

export type ListName = keyof typeof LISTS
export type ColumnName = keyof typeof COLUMNS

const VALUES = ['from', 'to', 'cc', 'bcc', 'subject'] as const
/** Characters of different words that are kept of one message; one with more is read by every search. */
const MOST_OF_MESSAGE = 128 * 1024
/** … and of a block, and characters that are looked through for it: how much is held in memory until it is whole. */
const MOST_OF_BLOCK = 1024 * 1024
const MOST_LOOKED_THROUGH = 8 * 1024 * 1024
const STAMP_BYTES = 4
/** No message was sent on it. */
export const NO_DAY = -0x80000000

export class BlockBuilder {
  /** Of every message so many octets are looked at. */
  private readonly maxBytes: number
  private readonly lists = Object.keys(LISTS).map(name => [name as ListName, new ListBuilder()] as const)
  private readonly byName = new Map(this.lists)
  private readonly entries: MailEntry[] = []
  private readonly unsure: number[] = []
  private readonly sentDays: number[] = []
  private readonly facts: Facts[] = []
  private looked = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get full(): boolean {
    const kept = this.lists.reduce((sum, [, list]) => sum + list.length, 0)
    return this.entries.length >= MOST_MESSAGES || kept >= MOST_OF_BLOCK || this.looked >= MOST_LOOKED_THROUGH
  }

  add(entry: MailEntry, header: readonly Field[], texts: Texts, facts: Facts): void {
    const message = this.entries.length
    let left = MOST_OF_MESSAGE
    const keep = (name: ListName, text: string): void => {
      if (left >= 0) left -= this.byName.get(name)!.add(text, message)
    }
    for (const name of VALUES) for (const value of valuesOf(header, name)) keep(name, value.replaceAll('\n', NO_LF))
    const words = (name: ListName, text: string): void => {
      this.looked += text.length
      eachWord(text, word => keep(name, word))
    }
    words('rest', headerText(header))
    for (const text of texts.partHeaders) words('rest', text)
    for (const text of texts.body) words('body', text)
    if (left < 0) this.unsure.push(message)
    this.entries.push(entry)
    this.sentDays.push(sentDay(header))
    this.facts.push(facts)
  }

  /** Numbered by the last UID it speaks for. */
  async finish(block: number, turns: Turns): Promise<NewIndexBlock> {
    const parts = new Map<number, Buffer>()
    for (const [name, list] of this.lists) {
      // A long list alone takes some 30 ms.
      if (turns.due) await turns.give()
      const { texts, messages } = list.finish()
      parts.set(LISTS[name], texts)
      parts.set(LISTS[name] + 1, messages)
    }
    const { facts, entries } = this
    parts.set(COLUMNS.arrival, doubles(entries.map(({ date }) => date)))
    parts.set(COLUMNS.size, doubles(entries.map(({ size }) => size)))
    parts.set(COLUMNS.sentDay, doubles(this.sentDays))
    parts.set(COLUMNS.sent, doubles(facts.map(({ sent }) => sent ?? Number.NaN)))
    // A sign in front tells replies.
    parts.set(COLUMNS.subject, lines(facts.map(({ subject, reply }) => `${reply ? '+' : '-'}${subject}`)))
    for (const name of ['from', 'to', 'cc'] as const) parts.set(COLUMNS[name], lines(facts.map(one => one[name])))
    parts.set(COLUMNS.ids, lines(facts.map(({ id, references }) => [id, ...references].join(' '))))
    const cut = entries.flatMap(({ size }, message) => (size > this.maxBytes ? [message] : []))
    const uids = entries.map(({ uid }) => uid)
    const stamp = randomInt(2 ** 32)
    for (const [part, octets] of parts) parts.set(part, stamped(stamp, octets))
    return { block, head: writeHead({ stamp, uids, maxBytes: this.maxBytes, unsure: this.unsure, cut }), parts }
  }
}

/** In no folded text of a needle that is looked up here. */
export const NO_LF = '\ufffe'

function valuesOf(header: readonly Field[], name: (typeof VALUES)[number]): readonly string[] {
  const forms = name === 'subject' ? plainForms : addressForms
  return header
    .filter(field => field.name.toLowerCase() === name)
    .flatMap(field => forms(field.raw))
    .map(fold)
}

function sentDay(header: readonly Field[]): number {
  const date = header.find(({ name }) => name.toLowerCase() === 'date')
  const day = date && writtenDay(date.raw)
  return day === undefined ? NO_DAY : day / DAY_MS
}

function doubles(values: readonly number[]): Buffer {
  return Buffer.from(Float64Array.from(values).buffer)
}

function lines(values: readonly string[]): Buffer {
  return Buffer.from(values.map(value => value.replaceAll('\n', ' ')).join('\n'))
}

/** In front of every part stands whose it is: a block may be replaced while a search looks at it. */
function stamped(stamp: number, octets: Buffer): Buffer {
  const head = Buffer.alloc(STAMP_BYTES)
  head.writeUInt32LE(stamp)
  return Buffer.concat([head, octets])
}

// ── heads ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Head {
  readonly stamp: number
  readonly uids: readonly number[]
  /** How much of a message was looked at. */
  readonly maxBytes: number
  /** Messages of which not all words are kept. */
  readonly unsure: readonly number[]
  /** Messages that are longer than what was looked at. */
  readonly cut: readonly number[]
}

/** A version, and numbers of seven bits in an octet. */
function writeHead({ stamp, uids, maxBytes, unsure, cut }: Head): Buffer {
  const octets: number[] = [VERSION]
  const put = (value: number): void => {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128)
    octets.push(rest)
  }
  put(stamp)
  put(maxBytes)
  for (const list of [uids, unsure, cut]) {
    put(list.length)
    let last = 0
    for (const value of list) {
      put(value - last)
      last = value
    }
  }
  return Buffer.from(octets)
}

/** `undefined`: of another version. */
function readHead(octets: Buffer): Head | undefined {
  if (octets[0] !== VERSION) return undefined
  let at = 1
  const take = (): number => {
    let [value, factor] = [0, 1]
    for (;;) {
      const octet = octets[at++]!
      value += (octet & 127) * factor
      if (octet < 128) return value
      factor *= 128
    }
  }
  const list = (): number[] => {
    let last = 0
    return Array.from({ length: take() }, () => {
      last += take()
      return last
    })
  }
  return { stamp: take(), maxBytes: take(), uids: list(), unsure: list(), cut: list() }
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A block while one search looks at it: each part is read once, and is `undefined` when the block has gone or been replaced meanwhile. */
export class Block {
  readonly last: number
  readonly uids: readonly number[]
  private readonly head: Head
  private readonly part: (part: number) => Promise<Buffer | undefined>
  private readonly read = new Map<number, Promise<Buffer | undefined>>()

  constructor(last: number, head: Head, part: (part: number) => Promise<Buffer | undefined>) {
    this.last = last
    this.uids = head.uids
    this.head = head
    this.part = part
  }

  /** Messages that may hold more than the lists say, when so many octets of each are looked at. */
  unsure(maxBytes: number): readonly number[] {
    return maxBytes > this.head.maxBytes ? [...this.head.unsure, ...this.head.cut] : this.head.unsure
  }

  list(name: ListName): Promise<Buffer | undefined> {
    return this.octets(LISTS[name])
  }

  /** The messages of a list's texts. */
  messages(name: ListName): Promise<Buffer | undefined> {
    return this.octets(LISTS[name] + 1)
  }

  async numbers(name: 'arrival' | 'size' | 'sentDay' | 'sent'): Promise<Float64Array | undefined> {
    const octets = await this.octets(COLUMNS[name])
    // A copy: octets may begin anywhere.
    return octets && new Float64Array(Uint8Array.from(octets).buffer)
  }

  async strings(name: 'subject' | 'from' | 'to' | 'cc' | 'ids'): Promise<string[] | undefined> {
    return (await this.octets(COLUMNS[name]))?.toString().split('\n')
  }

  /** Done with it: what was read of it goes, so that a search never holds the index of a whole mailbox. */
  release(): void {
    this.read.clear()
  }

  private octets(part: number): Promise<Buffer | undefined> {
    const known = this.read.get(part) ?? this.own(part)
    this.read.set(part, known)
    return known
  }

  private async own(part: number): Promise<Buffer | undefined> {
    const octets = await this.part(part)
    return octets?.readUInt32LE(0) === this.head.stamp ? octets.subarray(STAMP_BYTES) : undefined
  }
}

/** Of a block that is stored. */
export function openBlock(mailbox: Mailbox, { block, head }: IndexHead): Block | undefined {
  const read = readHead(head)
  return read && new Block(block, read, async part => (await mailbox.index.parts([[block, part]]))[0])
}

/** Of one that was made just now. */
export function madeBlock({ block, head, parts }: NewIndexBlock): Block {
  return new Block(block, readHead(head)!, async part => parts.get(part))
}
