/**
 * Clues: what the blocks of the index say to single search keys. A clue never says no to a message that matches, nor yes to one that does not; where it
 * cannot know, the message is read.
 */
import { fold } from '../finding/fold.js'
import { type Block, type ListName, NO_DAY } from './layout.js'
import { gather, MOST_MESSAGES } from './list.js'
import { type Needle, needleOf, type Piece } from './words.js'

const [NO, YES, MAYBE] = [0, 1, 2] as const

/** A message by its place in the block that is looked at; −1: it is in none. */
export interface Placed {
  readonly place: number
}

export class Clue {
  private readonly judgeBlock: (block: Block) => Promise<Uint8Array | undefined>
  private verdicts: Uint8Array | undefined

  constructor(judge: (block: Block) => Promise<Uint8Array | undefined>) {
    this.judgeBlock = judge
  }

  /** What `says` answers from now on is about this block. */
  async look(block: Block): Promise<void> {
    this.verdicts = await this.judgeBlock(block)
  }

  says({ place }: Placed): boolean | undefined {
    const verdict = place < 0 ? MAYBE : (this.verdicts?.[place] ?? MAYBE)
    return verdict === MAYBE ? undefined : verdict === YES
  }
}

/** `value` is folded, and not empty. */
export function wordsClue(lists: readonly ListName[], value: string, maxBytes: number): Clue {
  const needle = needleOf(value)
  return new Clue(async block => {
    if (needle.pieces.length === 0) return undefined
    const verdicts = new Uint8Array(MOST_MESSAGES)
    for (const name of lists) {
      const found = await inList(block, name, needle)
      if (found === undefined) return undefined
      mark(verdicts, found, needle.exact ? YES : MAYBE)
    }
    return doubted(verdicts, block, maxBytes)
  })
}

/** Of a field whose values are in a list; `value` may be empty, which every field matches. */
export function valuesClue(name: ListName, value: string, maxBytes: number): Clue | undefined {
  // These, and halves of signs beyond U+FFFF, do not stand in lists as they stand in texts.
  if (/[\n\ufffd\ufffe]|\p{Surrogate}/u.test(value)) return undefined
  const needle = Buffer.from(value === '' ? '\n' : value)
  return new Clue(async block => {
    const found = await gatherIn(block, name, needle)
    return found && doubted(found, block, maxBytes)
  })
}

/** Of any field: words of its name and value are in the header, and maybe elsewhere. */
export function headerClue(name: string, value: string, maxBytes: number): Clue {
  const inName = needleOf(fold(name)).pieces.map(({ text }) => ({ text, begins: true, ends: true }))
  const pieces = [...inName, ...needleOf(value).pieces]
  return new Clue(async block => {
    const verdicts = new Uint8Array(MOST_MESSAGES)
    const found = await inList(block, 'rest', { pieces, exact: false })
    if (found === undefined) return undefined
    mark(verdicts, found, MAYBE)
    return doubted(verdicts, block, maxBytes)
  })
}

/** `day` counts from 1970. */
export function numbersClue(name: 'arrival' | 'size' | 'sentDay', matches: (value: number) => boolean): Clue {
  return new Clue(async block => {
    const values = await block.numbers(name)
    if (values === undefined) return undefined
    const none = name === 'sentDay' ? NO_DAY : undefined
    return Uint8Array.from(values, value => (value !== none && matches(value) ? YES : NO))
  })
}

/** Messages with all pieces; `undefined` where the block is gone. */
async function inList(block: Block, name: ListName, { pieces }: Needle): Promise<Uint8Array | undefined> {
  let all: Uint8Array | undefined
  for (const piece of pieces) {
    const found = await gatherIn(block, name, octetsOf(piece))
    if (found === undefined) return undefined
    all = all === undefined ? found : all.map((one, message) => one & found[message]!)
    if (!all.includes(1)) break
  }
  return all
}

async function gatherIn(block: Block, name: ListName, needle: Buffer): Promise<Uint8Array | undefined> {
  const found = new Uint8Array(MOST_MESSAGES)
  const texts = await block.list(name)
  const first = texts?.indexOf(needle)
  if (texts === undefined || first === undefined || first < 0) return texts && found
  const messages = await block.messages(name)
  if (messages === undefined) return undefined
  gather(texts, messages, needle, first, block.uids.length, found)
  return found
}

function octetsOf({ text, begins, ends }: Piece): Buffer {
  return Buffer.from(`${begins ? '\n' : ''}${text}${ends ? '\n' : ''}`)
}

function mark(verdicts: Uint8Array, found: Uint8Array, verdict: number): void {
  for (let message = 0; message < MOST_MESSAGES; message++) if (found[message] === 1) verdicts[message] = verdict
}

function doubted(verdicts: Uint8Array, block: Block, maxBytes: number): Uint8Array {
  for (const message of block.unsure(maxBytes)) if (verdicts[message] === NO) verdicts[message] = MAYBE
  return verdicts
}
