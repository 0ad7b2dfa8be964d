/**
 * Does a message match a search (RFC 3501 §6.4.4)? Cheap questions are asked first and the octets of a message are read only when no cheap
 * answer settles it. Text is compared decoded and folded (finding/texts.ts).
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { MailEntry } from 'posthouse/api'
import { type Clue, headerClue, numbersClue, type Placed, valuesClue, wordsClue } from './blocks/clues.js'
import type { ListName } from './blocks/layout.js'
import type { Content } from './content.js'
import { fold } from './finding/fold.js'
import { readMessage } from './finding/reading.js'
import { addressForms, type Forms, headerText, plainForms, type Texts } from './finding/texts.js'
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
  /** By what the view knows and the index says; `undefined`: `ask`. */
  guess(message: Seen): boolean | undefined
  ask(message: Candidate): boolean | Promise<boolean>
}

/** What the view knows of a message, and where it is in the index. */
export interface Seen extends Placed {
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
  /** How much of a message is looked at for BODY and TEXT. */
  readonly maxBytes: number
}

/** `clues` are filled: they are to look at a block before a message in it is guessed or asked about. */
export function questionOf(key: SearchKey, numbers: Numbers, clues: Clue[]): Question {
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
    case 'smaller': {
      const fits = (size: number) => (key.kind === 'larger' ? size > key.octets : size < key.octets)
      return told(
        cheap(({ entry }) => fits(entry.size)),
        numbersClue('size', fits),
        clues,
      )
    }
    case 'internal':
      return arrived(date => compareDays(dayOf(date), key.when, key.day), clues)
    case 'younger':
      return arrived(date => date >= numbers.now - key.seconds * 1000, clues)
    case 'older':
      return arrived(date => date <= numbers.now - key.seconds * 1000, clues)
    case 'saved':
      return cheap(({ entry }) => compareDays(dayOf(entry.saved), key.when, key.day))
    case 'modseq':
      return cheap(({ entry }) => entry.modseq >= key.from)
    case 'emailid':
      return cheap(({ entry }) => writeEmailId(entry) === key.id)
    case 'threadid':
      // RFC 8474 §5.2: threads have no ids here.
      return seen(() => false)
    case 'sent':
      return told(
        costly(2, message => sentOn(message, key.when, key.day)),
        numbersClue('sentDay', day => compareDays(day * DAY_MS, key.when, key.day)),
        clues,
      )
    case 'header': {
      const [name, value] = [key.name.toLowerCase(), fold(key.value)]
      const clue =
        name === 'subject' ? valuesClue(name, value, numbers.maxBytes) : headerClue(name, value, numbers.maxBytes)
      return told(header(name, value, plainForms), clue, clues)
    }
    case 'address': {
      const [name, value] = [key.name.toLowerCase() as ListName, fold(key.value)]
      return told(header(name, value, addressForms), valuesClue(name, value, numbers.maxBytes), clues)
    }
    case 'body':
    case 'text': {
      const value = fold(key.value)
      // In every text there is nothing.
      if (value === '') return seen(() => true)
      const lists: readonly ListName[] = key.kind === 'body' ? ['body'] : ['rest', 'body']
      const has = key.kind === 'body' ? bodyHas : textHas
      return told(
        costly(3, message => has(message, value)),
        wordsClue(lists, value, numbers.maxBytes),
        clues,
      )
    }
    case 'not':
      return negated(questionOf(key.key, numbers, clues))
    case 'or':
      return any([questionOf(key.left, numbers, clues), questionOf(key.right, numbers, clues)])
    case 'and':
      return all(key.keys.map(one => questionOf(one, numbers, clues)))
  }
}

function arrived(fits: (date: number) => boolean, clues: Clue[]): Question {
  return told(
    cheap(({ entry }) => fits(entry.date)),
    numbersClue('arrival', fits),
    clues,
  )
}

/** A question that the view alone can answer. */
function seen(ask: (message: Seen) => boolean): Question {
  return { cost: 0, ask, guess: ask }
}

function cheap(ask: (message: Candidate) => boolean): Question {
  return { cost: 1, ask, guess: () => undefined }
}

function costly(cost: Cost, ask: Question['ask']): Question {
  return { cost, ask, guess: () => undefined }
}

/** A question the index may answer. */
function told({ cost, ask }: Question, clue: Clue | undefined, clues: Clue[]): Question {
  if (clue === undefined) return { cost, ask, guess: () => undefined }
  clues.push(clue)
  return { cost, guess: message => clue.says(message), ask: message => clue.says(message) ?? ask(message) }
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
  const guess = (message: Seen) => {
    const answer = inner.guess(message)
    return answer === undefined ? undefined : !answer
  }
  return { cost: inner.cost, ask, guess }
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
  const guess = (message: Seen) => {
    let answer: boolean | undefined = true
    for (const question of sorted) {
      const one = question.guess(message)
      if (one === false) return false
      if (one === undefined) answer = undefined
    }
    return answer
  }
  if (cost <= 1) return { cost, guess, ask: message => sorted.every(one => one.ask(message)) }
  const ask = async (message: Candidate) => {
    for (const question of sorted) if (!(await question.ask(message))) return false
    return true
  }
  return { cost, guess, ask }
}

function any(questions: readonly Question[]): Question {
  const sorted = byCost(questions)
  const cost = dearest(questions)
  const guess = (message: Seen) => {
    let answer: boolean | undefined = false
    for (const question of sorted) {
      const one = question.guess(message)
      if (one === true) return true
      if (one === undefined) answer = undefined
    }
    return answer
  }
  if (cost <= 1) return { cost, guess, ask: message => sorted.some(one => one.ask(message)) }
  const ask = async (message: Candidate) => {
    for (const question of sorted) if (await question.ask(message)) return true
    return false
  }
  return { cost, guess, ask }
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
  return costly(2, async message => (await fieldTexts(message, name, forms)).some(text => text.includes(value)))
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
  const texts = message.texts ?? (await readMessage(message.content, message.maxBytes))
  message.texts = texts
  // Many keys over a large text: others get their turn in between.
  if (message.content.size > LARGE_BYTES) await turn()
  return texts
}
