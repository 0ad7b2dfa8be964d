/**
 * Makes blocks of the index: whole ones, of messages that follow each other. The last messages of a mailbox are in none yet; who searches reads them.
 */
import type { IndexHead, Mailbox, MailEntry, NewIndexBlock } from 'posthouse/api'
import { Content } from '../content.js'
import { factsOf } from '../finding/facts.js'
import { readMessage } from '../finding/reading.js'
import type { Gate } from '../gate.js'
import { StructureCache } from '../structure.js'
import type { Turns } from '../turns.js'
import { type Block, BlockBuilder, openBlock } from './layout.js'
import { MOST_MESSAGES } from './list.js'

/** UIDs that are asked for at once. */
const MOST_LISTED = 32 * MOST_MESSAGES

export interface Building {
  readonly gate: Gate
  /** How much of a message is looked at. */
  readonly maxBytes: number
  readonly turns: Turns
  /** Ends it: what was made so far is left. */
  readonly over: () => boolean
}

/** The next block, of the first of these messages; `undefined` when it was over before. */
export async function buildBlock(
  mailbox: Mailbox,
  entries: readonly MailEntry[],
  { gate, maxBytes, turns, over }: Building,
): Promise<NewIndexBlock | undefined> {
  const builder = new BlockBuilder(maxBytes)
  const structures = new StructureCache()
  let last = 0
  for (const entry of entries) {
    if (builder.full) break
    if (over()) return undefined
    const content = new Content(entry, mailbox, structures, gate)
    try {
      const { fields } = await content.header()
      builder.add(entry, fields, await readMessage(content, maxBytes), factsOf(fields))
    } catch (error) {
      // Removed meanwhile: nobody will look for it.
      if (!(error instanceof Error && 'errorCode' in error && error.errorCode === 'message-gone')) throw error
    }
    last = entry.uid
    if (turns.due) await turns.give()
  }
  return builder.finish(last, turns)
}

/** What is there, ascending. Blocks of another version are removed first, with all others: an index has no gaps. */
export async function blocksOf(mailbox: Mailbox): Promise<readonly Block[]> {
  const heads = await mailbox.index.heads()
  const blocks = heads.map(head => openBlock(mailbox, head))
  if (blocks.every(block => block !== undefined)) return blocks
  await mailbox.index.remove(heads.map(({ block }: IndexHead) => block))
  return []
}

/** Of the messages behind `last` as many as a block may have, or fewer when there are no more. */
export async function behind(mailbox: Mailbox, last: number, uidNext: number): Promise<readonly MailEntry[]> {
  const found: MailEntry[] = []
  let width = MOST_MESSAGES
  for (let from = last + 1; from < uidNext && found.length < MOST_MESSAGES; from += width) {
    const some = await mailbox.list(from, Math.min(from + width, uidNext) - 1)
    found.push(...some)
    // Of a mailbox that is emptied again and again few UIDs are left.
    if (some.length < MOST_MESSAGES / 4) width = Math.min(2 * width, MOST_LISTED)
  }
  return found.slice(0, MOST_MESSAGES)
}
