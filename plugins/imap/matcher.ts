/**
 * Does a message match a search (RFC 3501 §6.4.4)? Cheap questions are asked first and the octets of a message are read only when no cheap
 * answer settles it. Text is compared decoded, without case: encoded words, transfer encodings and charsets are undone.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { MailEntry } from 'posthouse/api'
import {
  decodeCharset,
  decodeTransfer,
  decodeWords,
  type Field,
  htmlToText,
  type MimePart,
  parseAddressList,
  scanMime,
} from 'posthouse/text'
import type { Content } from './content.js'
import { DAY_MS, writtenDay } from './wire/date.js'
import { hasFlag } from './wire/flags.js'
import type { SearchKey, When } from './wire/search-keys.js'
import { inRanges, type Ranges, resolveSet } from './wire/set.js'

const LARGE_BYTES = 256 * 1024

/** A key with its sets resolved, its values folded, and an estimate of what asking costs. */
export interface Question {
  /** 0: the entry answers; 1: a header is read; 2: the message is read. */
  readonly cost: 0 | 1 | 2
  ask(message: Candidate): boolean | Promise<boolean>
}

/** What TEXT and BODY look at, folded. */
interface Texts {
  /** Text parts, reports of servers, and the headers of messages inside. */
  readonly body: readonly string[]
  /** Headers of parts: names of attached files stand there. Of no use to BODY, in which a user looks for what can be read. */
  readonly partHeaders: readonly string[]
}

export interface Candidate {
  readonly entry: MailEntry
  readonly sequence: number
  readonly recent: boolean
  readonly content: Content
  /** How much of the message is looked at for BODY and TEXT. */
  readonly maxBytes: number
  /** Made once, however many keys ask. */
  texts?: Texts
  headerText?: string
  readonly fieldTexts: Map<string, readonly string[]>
}

export interface Numbers {
  readonly count: number
  readonly lastUid: number
}

export function questionOf(key: SearchKey, numbers: Numbers): Question {
  switch (key.kind) {
    case 'all':
      return cheap(() => true)
    case 'recent':
      return cheap(({ recent }) => recent === key.set)
    case 'flag':
      return cheap(({ entry }) => hasFlag(entry.flags, key.flag) === key.set)
    case 'larger':
      return cheap(({ entry }) => entry.size > key.octets)
    case 'smaller':
      return cheap(({ entry }) => entry.size < key.octets)
    case 'uid':
      return member(resolveSet(key.set, numbers.lastUid), ({ entry }) => entry.uid)
    case 'sequence':
      return member(resolveSet(key.set, numbers.count), ({ sequence }) => sequence)
    case 'internal':
      return cheap(({ entry }) => compareDays(Math.floor(entry.date / DAY_MS) * DAY_MS, key.when, key.day))
    case 'sent':
      return { cost: 1, ask: message => sentOn(message, key.when, key.day) }
    case 'header':
      return header(key.name.toLowerCase(), fold(key.value), plainForms)
    case 'address':
      return header(key.name.toLowerCase(), fold(key.value), addressForms)
    case 'body':
      return { cost: 2, ask: message => bodyHas(message, fold(key.value)) }
    case 'text':
      return { cost: 2, ask: message => textHas(message, fold(key.value)) }
    case 'not':
      return negated(questionOf(key.key, numbers))
    case 'or':
      return any([questionOf(key.left, numbers), questionOf(key.right, numbers)])
    case 'and':
      return all(key.keys.map(one => questionOf(one, numbers)))
  }
}

function cheap(ask: (message: Candidate) => boolean): Question {
  return { cost: 0, ask }
}

function member(ranges: Ranges, number: (message: Candidate) => number): Question {
  return cheap(message => inRanges(ranges, number(message)))
}

function negated(inner: Question): Question {
  const ask = (message: Candidate) => {
    const answer = inner.ask(message)
    return typeof answer === 'boolean' ? !answer : answer.then(yes => !yes)
  }
  return { cost: inner.cost, ask }
}

function byCost(questions: readonly Question[]): readonly Question[] {
  return questions.toSorted((a, b) => a.cost - b.cost)
}

function dearest(questions: readonly Question[]): 0 | 1 | 2 {
  return questions.reduce<0 | 1 | 2>((most, { cost }) => (cost > most ? cost : most), 0)
}

function all(questions: readonly Question[]): Question {
  const sorted = byCost(questions)
  const ask = async (message: Candidate) => {
    for (const question of sorted) if (!(await question.ask(message))) return false
    return true
  }
  return dearest(questions) === 0
    ? cheap(message => sorted.every(q => q.ask(message)))
    : { cost: dearest(questions), ask }
}

function any(questions: readonly Question[]): Question {
  const sorted = byCost(questions)
  const ask = async (message: Candidate) => {
    for (const question of sorted) if (await question.ask(message)) return true
    return false
  }
  return dearest(questions) === 0
    ? cheap(message => sorted.some(q => q.ask(message)))
    : { cost: dearest(questions), ask }
}

function compareDays(day: number, when: When, wanted: number): boolean {
  if (when === 'before') return day < wanted
  return when === 'on' ? day === wanted : day >= wanted
}

/** Case is folded as far as lower case goes; composed and decomposed letters are the same. */
export function fold(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

async function sentOn({ content }: Candidate, when: When, wanted: number): Promise<boolean> {
  const { fields } = await content.header()
  const date = fields.find(field => field.name.toLowerCase() === 'date')
  const day = date && writtenDay(date.raw)
  return day !== undefined && compareDays(day, when, wanted)
}

type Forms = (raw: string) => readonly string[]

/** RFC 3501 §6.4.4 HEADER: an empty value matches every message that has the field. `name` is in lower case. */
function header(name: string, value: string, forms: Forms): Question {
  return { cost: 1, ask: async message => (await fieldTexts(message, name, forms)).some(text => text.includes(value)) }
}

async function fieldTexts(message: Candidate, name: string, forms: Forms): Promise<readonly string[]> {
  const key = `${forms.name} ${name}`
  const known = message.fieldTexts.get(key)
  if (known) return known
  const { fields } = await message.content.header()
  const texts = fields
    .filter(field => field.name.toLowerCase() === name)
    .flatMap(field => forms(field.raw))
    .map(fold)
  message.fieldTexts.set(key, texts)
  return texts
}

function plainForms(raw: string): readonly string[] {
  return [decodeWords(raw)]
}

/** RFC 3501 §6.4.4 FROM: compared is the envelope, so `a (comment)@ b.org` is `a@b.org` too. */
function addressForms(raw: string): readonly string[] {
  const addresses = parseAddressList(raw)
    .flatMap(item => (item.kind === 'group' ? item.members : [item]))
    .map(({ name, local, domain }) => `${decodeWords(name)} <${local}@${domain}>`)
  return [decodeWords(raw), ...addresses]
}

async function textHas(message: Candidate, value: string): Promise<boolean> {
  if (message.headerText === undefined) {
    message.headerText = headerText((await message.content.header()).fields)
  }
  if (message.headerText.includes(value)) return true
  const { body, partHeaders } = await textsOf(message)
  return [...body, ...partHeaders].some(text => text.includes(value))
}

async function bodyHas(message: Candidate, value: string): Promise<boolean> {
  return value === '' || (await textsOf(message)).body.some(text => text.includes(value))
}

async function textsOf(message: Candidate): Promise<Texts> {
  const texts = message.texts ?? (await readMessage(message))
  message.texts = texts
  // Many keys over a large text: others get their turn in between.
  if (message.content.size > LARGE_BYTES) await turn()
  return texts
}

async function readMessage({ content, maxBytes }: Candidate): Promise<Texts> {
  if (content.size <= maxBytes) return content.withWhole(readTexts)
  return readTexts(await content.read(0, maxBytes))
}

function readTexts(bytes: Buffer): Texts {
  const body: string[] = []
  const partHeaders: string[] = []
  const todo: MimePart[] = [scanMime(bytes).root]
  for (let part = todo.pop(); part; part = todo.pop()) {
    if (part.message) {
      body.push(headerText(part.message.header))
      todo.push(part.message)
    } else if (isReadable(part)) body.push(...textOf(part, bytes))
    partHeaders.push(...part.children.map(child => headerText(child.header)))
    todo.push(...part.children)
  }
  return { body, partHeaders }
}

function headerText(header: readonly Field[]): string {
  return fold(header.map(field => `${field.name}: ${decodeWords(field.raw)}`).join('\n'))
}

/** Bounces and reports say what happened in message/delivery-status and its like; of a multipart whose boundary never comes all is text. */
function isReadable({ type, children }: MimePart): boolean {
  return type === 'text' || type === 'message' || (type === 'multipart' && children.length === 0)
}

function textOf(part: MimePart, bytes: Buffer): readonly string[] {
  const octets = decodeTransfer(bytes.subarray(part.start, part.end), part.encoding)
  const text = decodeCharset(octets, part.params.get('charset') ?? 'us-ascii')
  // Words may be cut by tags in the source, and addresses of links stand only there.
  return part.subtype === 'html' ? [fold(text), fold(htmlToText(text).text)] : [fold(text)]
}
