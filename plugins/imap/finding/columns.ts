/**
 * What SORT and THREAD go by, of messages that were found: a list for each thing that is asked of them, from the blocks of the index, and of messages
 * that are in none from the digests beside them. No object is made for a message, and what one command may gather is bounded.
 */
import type { MailEntry } from 'posthouse/api'
import { no, Refused } from '../answer.js'
import { blocksOf } from '../blocks/building.js'
import type { Block } from '../blocks/layout.js'
import { Content } from '../content.js'
import { digestReader } from '../digest.js'
import type { Session } from '../session.js'
import { Turns } from '../turns.js'
import type { Facts } from './facts.js'

export type NumberName = 'arrival' | 'size' | 'sent'
export type TextName = 'subject' | 'from' | 'to' | 'cc' | 'ids'

const BATCH_MESSAGES = 500
/** Characters of all texts of one command. */
const MOST_CHARACTERS = 64 * 1024 * 1024
const NUMBERS: ReadonlySet<string> = new Set<NumberName>(['arrival', 'size', 'sent'])

/** Every list has one value for each message. */
export interface Columns {
  /** Ascending. */
  readonly uids: readonly number[]
  /** Sent dates are NaN where there is none. */
  numbers(name: NumberName): readonly number[]
  /** Subjects are base subjects, with `+` in front of those of replies and `-` of others; ids are Message-IDs, its own first. */
  texts(name: TextName): readonly string[]
}

/** `uids` ascend. Without those that are gone, as far as that is seen. Throws `Refused` when it is too much. */
export async function columnsOf(
  session: Session,
  uids: readonly number[],
  names: readonly (NumberName | TextName)[],
): Promise<Columns> {
  const gathering = new Gathering(session, names)
  const { mailbox } = session.open
  const turns = new Turns()
  let at = 0
  for (const block of uids.length === 0 ? [] : await blocksOf(mailbox)) {
    let end = at
    while (end < uids.length && uids[end]! <= block.last) end += 1
    if (end === at) continue
    const some = uids.slice(at, end)
    if (!(await gathering.fromBlock(block, some))) await gathering.fromMessages(some, turns)
    block.release()
    if (turns.due) await turns.give()
    at = end
  }
  await gathering.fromMessages(uids.slice(at), turns)
  return gathering
}

class Gathering implements Columns {
  readonly uids: number[] = []
  private readonly session: Session
  private readonly numberLists = new Map<NumberName, number[]>()
  private readonly textLists = new Map<TextName, string[]>()
  private characters = 0

  constructor(session: Session, names: readonly (NumberName | TextName)[]) {
    this.session = session
    for (const name of names) {
      if (isNumber(name)) this.numberLists.set(name, [])
      else this.textLists.set(name, [])
    }
  }

  numbers(name: NumberName): readonly number[] {
    return this.numberLists.get(name)!
  }

  texts(name: TextName): readonly string[] {
    return this.textLists.get(name)!
  }

  /** False, and nothing is taken, when one of them is not in the block, or the block is gone. */
  async fromBlock(block: Block, uids: readonly number[]): Promise<boolean> {
    const places = placesIn(block, uids)
    if (places === undefined) return false
    const numbers = await Promise.all([...this.numberLists.keys()].map(name => block.numbers(name)))
    const texts = await Promise.all([...this.textLists.keys()].map(name => block.strings(name)))
    if (numbers.includes(undefined) || texts.includes(undefined)) return false
    for (const uid of uids) this.uids.push(uid)
    for (const [index, list] of [...this.numberLists.values()].entries())
      for (const place of places) list.push(numbers[index]![place]!)
    for (const [index, list] of [...this.textLists.values()].entries())
      for (const place of places) this.keep(list, texts[index]![place]!)
    return true
  }

  async fromMessages(uids: readonly number[], turns: Turns): Promise<void> {
    const { mailbox } = this.session.open
    for (let at = 0; at < uids.length; at += BATCH_MESSAGES) {
      if (turns.due) await turns.give()
      const entries = await mailbox.get(uids.slice(at, at + BATCH_MESSAGES))
      const facts = this.needsFacts ? await factsIn(this.session, entries, turns) : undefined
      for (const [index, entry] of entries.entries()) {
        const one = facts?.[index]
        if (facts === undefined || one !== undefined) this.take(entry, one)
      }
    }
  }

  private get needsFacts(): boolean {
    return this.textLists.size > 0 || this.numberLists.has('sent')
  }

  private take({ uid, date, size }: MailEntry, facts: Facts | undefined): void {
    this.uids.push(uid)
    for (const [name, list] of this.numberLists)
      list.push(name === 'arrival' ? date : name === 'size' ? size : (facts?.sent ?? Number.NaN))
    for (const [name, list] of this.textLists) this.keep(list, facts === undefined ? '' : textIn(facts, name))
  }

  private keep(list: string[], text: string): void {
    this.characters += text.length
    if (this.characters > MOST_CHARACTERS) throw new Refused(no('Too many messages at once', 'LIMIT'))
    list.push(text)
  }
}

function isNumber(name: NumberName | TextName): name is NumberName {
  return NUMBERS.has(name)
}

/** As in the columns of blocks. */
function textIn(facts: Facts, name: TextName): string {
  switch (name) {
    case 'subject':
      return `${facts.reply ? '+' : '-'}${facts.subject}`
    case 'ids':
      return [facts.id, ...facts.references].join(' ')
    default:
      return facts[name]
  }
}

/** `undefined` when one is not in it. Both ascend. */
function placesIn(block: Block, uids: readonly number[]): number[] | undefined {
  const places: number[] = []
  let place = 0
  for (const uid of uids) {
    while (place < block.uids.length && block.uids[place]! < uid) place += 1
    if (block.uids[place] !== uid) return undefined
    places.push(place)
  }
  return places
}

async function factsIn(session: Session, entries: readonly MailEntry[], turns: Turns): Promise<(Facts | undefined)[]> {
  const { mailbox, structures } = session.open
  const facts = await mailbox.digests(entries, octets => digestReader(octets)?.facts())
  const made: (readonly [MailEntry, Buffer])[] = []
  for (const [index, entry] of entries.entries()) {
    if (facts[index] !== undefined) continue
    const content = new Content(entry, mailbox, structures, session.deps.gate)
    facts[index] = await factsInMessage(content)
    if (content.made) made.push([entry, content.made])
    if (turns.due) await turns.give()
  }
  session.deps.keeper.keep(mailbox, made)
  return facts
}

/** `undefined`: the message has gone meanwhile. */
async function factsInMessage(content: Content): Promise<Facts | undefined> {
  try {
    return await content.facts()
  } catch (error) {
    if (error instanceof Error && 'errorCode' in error && error.errorCode === 'message-gone') return undefined
    throw error
  }
}
