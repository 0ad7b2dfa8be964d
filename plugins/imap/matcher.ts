/**
 * Does a message match a search (RFC 3501 §6.4.4)? Cheap questions are asked first and the octets of a message are read only when no cheap
 * answer settles it. Text is compared decoded and folded (finding/texts.ts).
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { MailEntry } from 'posthouse/api'
import type { Content } from './content.js'
import { fold } from './finding/fold.js'
import { addressForms, type Forms, headerText, plainForms, readTexts, type Texts } from './finding/texts.js'
import { DAY_MS, writtenDay } from './wire/date.js'
import { hasFlag } from './wire/flags.js'
import { writeEmailId } from './wire/object-id.js'
import type { SearchKey, When } from './wire/search-keys.js'
import { inRanges, type NumberSet, type Ranges, resolveSet, SAVED } from './wire/set.js'

const LARGE_BYTES = 256 * 1024

/** 0: the view answers; 1: the store's entry; 2: a header is read; 3: the message is read. */
export type Cost = 0 | 1 | 2 | 3

/** A key with its sets resolved, its values folded, and an estimate of what asking costs. */
export interface Question {
  readonly cost: Cost
  ask(message: Candidate): boolean | Promise<boolean>
}

/** What the view knows of a message. */
export interface Seen {
  readonly uid: number
  readonly sequence: number
  readonly recent: boolean
  readonly flags: readonly string[]
}

export interface Candidate extends Seen {
  readonly entry: MailEntry
  readonly content: Content
  /** How much of the message is looked at for BODY and TEXT. */
  readonly maxBytes: number
  /** Made once, however many keys ask. */
  texts?: Texts
  headerText?: string
  readonly fieldTexts: Map<string, readonly string[]>
}

/** What numbers stand for at the moment of the search. */
export interface Numbers {
  readonly count: number
  readonly lastUid: number
  /** `$` */
  readonly saved: ReadonlySet<number>
  readonly now: number
}

export function questionOf(key: SearchKey, numbers: Numbers): Question {
  switch (key.kind) {
    case 'all':
      return seen(() => true)
    case 'recent':
      return seen(({ recent }) => recent === key.set)
    case 'flag':
      return seen(({ flags }) => hasFlag(flags, key.flag) === key.set)
    case 'uid':
      return member(key.set, numbers.lastUid, numbers, ({ uid }) => uid)
    case 'sequence':
      return member(key.set, numbers.count, numbers, ({ sequence }) => sequence)
    case 'larger':
      return cheap(({ entry }) => entry.size > key.octets)
    case 'smaller':
      return cheap(({ entry }) => entry.size < key.octets)
    case 'internal':
      return cheap(({ entry }) => compareDays(dayOf(entry.date), key.when, key.day))
    case 'saved':
      return cheap(({ entry }) => compareDays(dayOf(entry.saved), key.when, key.day))
    case 'younger':
      return cheap(({ entry }) => entry.date >= numbers.now - key.seconds * 1000)
    case 'older':
      return cheap(({ entry }) => entry.date <= numbers.now - key.seconds * 1000)
    case 'modseq':
      return cheap(({ entry }) => entry.modseq >= key.from)
    case 'emailid':
      return cheap(({ entry }) => writeEmailId(entry) === key.id)
    case 'threadid':
      // RFC 8474 §5.2: threads have no ids here.
      return seen(() => false)
    case 'sent':
      return { cost: 2, ask: message => sentOn(message, key.when, key.day) }
    case 'header':
      return header(key.name.toLowerCase(), fold(key.value), plainForms)
    case 'address':
      return header(key.name.toLowerCase(), fold(key.value), addressForms)
    case 'body':
      return { cost: 3, ask: message => bodyHas(message, fold(key.value)) }
    case 'text':
      return { cost: 3, ask: message => textHas(message, fold(key.value)) }
    case 'not':
      return negated(questionOf(key.key, numbers))
    case 'or':
      return any([questionOf(key.left, numbers), questionOf(key.right, numbers)])
    case 'and':
      return all(key.keys.map(one => questionOf(one, numbers)))
  }
}

/** A question that the view alone can answer. */
function seen(ask: (message: Seen) => boolean): Question {
  return { cost: 0, ask }
}

function cheap(ask: (message: Candidate) => boolean): Question {
  return { cost: 1, ask }
}

function member(set: NumberSet, largest: number, { saved }: Numbers, number: (message: Seen) => number): Question {
  // RFC 5182 §2.1: what is saved are messages, whichever number they are named by.
  if (set === SAVED) return seen(({ uid }) => saved.has(uid))
  const ranges: Ranges = resolveSet(set, largest)
  return seen(message => inRanges(ranges, number(message)))
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

function dearest(questions: readonly Question[]): Cost {
  return questions.reduce<Cost>((most, { cost }) => (cost > most ? cost : most), 0)
}

function all(questions: readonly Question[]): Question {
  const sorted = byCost(questions)
  const cost = dearest(questions)
  if (cost <= 1) return { cost, ask: message => sorted.every(one => one.ask(message)) }
  const ask = async (message: Candidate) => {
    for (const question of sorted) if (!(await question.ask(message))) return false
    return true
  }
  return { cost, ask }
}

function any(questions: readonly Question[]): Question {
  const sorted = byCost(questions)
  const cost = dearest(questions)
  if (cost <= 1) return { cost, ask: message => sorted.some(one => one.ask(message)) }
  const ask = async (message: Candidate) => {
    for (const question of sorted) if (await question.ask(message)) return true
    return false
  }
  return { cost, ask }
}

function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS
}

function compareDays(day: number, when: When, wanted: number): boolean {
  if (when === 'before') return day < wanted
  return when === 'on' ? day === wanted : day >= wanted
}

async function sentOn({ content }: Candidate, when: When, wanted: number): Promise<boolean> {
  const { fields } = await content.header()
  const date = fields.find(field => field.name.toLowerCase() === 'date')
  const day = date && writtenDay(date.raw)
  return day !== undefined && compareDays(day, when, wanted)
}

/** RFC 3501 §6.4.4 HEADER: an empty value matches every message that has the field. `name` is in lower case. */
function header(name: string, value: string, forms: Forms): Question {
  return { cost: 2, ask: async message => (await fieldTexts(message, name, forms)).some(text => text.includes(value)) }
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
  if (content.size <= maxBytes) return content.withWhole(bytes => readTexts(bytes))
  return readTexts(await content.read(0, maxBytes))
}
