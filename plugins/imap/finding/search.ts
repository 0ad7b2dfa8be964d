/**
 * Finds the messages of the selected mailbox that match. Bounded three times: keys when read, octets per message, and time; others get their turn
 * by time. The index says of most messages whether they match, and of the rest the message decides.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { MailEntry, NewIndexBlock } from 'posthouse/api'
import { type Done, no } from '../answer.js'
import { blocksOf, buildBlock } from '../blocks/building.js'
import type { Clue } from '../blocks/clues.js'
import { type Block, madeBlock } from '../blocks/layout.js'
import { MOST_MESSAGES } from '../blocks/list.js'
import { Content } from '../content.js'
import type { Thin } from '../keeper.js'
import { type Candidate, type Numbers, type Question, questionOf, type Seen } from '../matcher.js'
import type { Session } from '../session.js'
import { Turns } from '../turns.js'
import { CHARSETS, type SearchKey, type SearchProgram } from '../wire/search-keys.js'
import type { Results } from './results.js'

const BATCH_MESSAGES = 1000
/** What the view alone answers takes a microsecond for a message. */
const BATCH_SEEN = 10_000
/** Runs of blocks that are gathered after one search. */
const MOST_TIDIED = 8

export async function find(session: Session, program: SearchProgram): Promise<Results | Done> {
  if (program.kind === 'unknown-charset')
    return no('That charset is not known here', `BADCHARSET (${CHARSETS.join(' ')})`)
  const { key } = program
  const selected = session.open
  await selected.refresh()
  const { view } = selected
  const saved = new Set(selected.saved)
  const clues: Clue[] = []
  const numbers: Numbers = {
    count: view.count,
    lastUid: view.lastUid,
    saved,
    now: session.deps.clock.now(),
    maxBytes: session.deps.settings.searchBytes,
  }
  const question = questionOf(key, numbers, clues)
  const modseqs = asksModseq(key) ? new Map<number, number>() : undefined
  const search = new Search(session, question, clues, modseqs)
  const uids = question.cost === 0 && !modseqs ? await search.seen() : await search.asked()
  if (!uids) return no('The search took too long', 'LIMIT')
  return modseqs ? { uids, modseqs } : { uids }
}

export function isRefused(found: Results | Done): found is Done {
  return 'kind' in found
}

/** Keys within keys. */
function inside(key: SearchKey): readonly SearchKey[] {
  switch (key.kind) {
    case 'not':
      return [key.key]
    case 'or':
      return [key.left, key.right]
    case 'and':
      return key.keys
    default:
      return []
  }
}

function asksModseq(key: SearchKey): boolean {
  return key.kind === 'modseq' || inside(key).some(asksModseq)
}

/** Messages that follow each other, and where they are in the index. */
interface Stretch {
  readonly uids: readonly number[]
  readonly block?: Block
}

class Search {
  private readonly session: Session
  private readonly question: Question
  private readonly clues: readonly Clue[]
  private readonly modseqs: Map<number, number> | undefined
  private readonly until: number
  private readonly turns = new Turns()
  /** The last block that was made. */
  private kept: Promise<void> = Promise.resolve()

  constructor(session: Session, question: Question, clues: readonly Clue[], modseqs: Map<number, number> | undefined) {
    this.session = session
    this.question = question
    this.clues = clues
    this.modseqs = modseqs
    this.until = session.deps.clock.now() + session.deps.settings.searchTimeoutMs
  }

  private readonly over = (): boolean =>
    this.session.deps.clock.now() > this.until || this.session.connection.socket.destroyed

  /** UIDs that match by what the view knows, ascending; `undefined` when time is up. */
  async seen(): Promise<number[] | undefined> {
    const { view } = this.session.open
    const found: number[] = []
    for (let index = 0; index < view.count; index++) {
      if (index % BATCH_SEEN === 0) {
        await turn()
        if (this.over()) return undefined
      }
      const uid = view.uidAt(index)
      if (this.question.ask(this.look(uid) as Candidate)) found.push(uid)
    }
    return found
  }

  private look(uid: number, place = -1): Seen {
    const { view } = this.session.open
    return {
      uid,
      sequence: view.sequenceOf(uid) ?? 0,
      recent: view.isRecent(uid),
      flags: view.flagsOf(uid) ?? [],
      place,
    }
  }

  /** The same with the index, the store's entries, and where need be the messages. */
  async asked(): Promise<number[] | undefined> {
    const found: number[] = []
    for await (const stretch of this.stretches()) {
      const some = await this.inStretch(stretch)
      if (some === undefined) return undefined
      for (const uid of some) found.push(uid)
    }
    return this.over() ? undefined : found
  }

  /** All messages, block by block; what is in no block comes last, and is indexed now where it would have to be read anyway. */
  private async *stretches(): AsyncGenerator<Stretch> {
    const { mailbox, view } = this.session.open
    let [at, last] = [0, 0]
    const thin = new ThinBlocks()
    for (const block of this.clues.length > 0 ? await blocksOf(mailbox) : []) {
      const end = view.countUpTo(block.last)
      thin.add(block, end - at, last)
      if (end > at) yield { uids: view.uidsAt(at, end), block }
      block.release()
      ;[at, last] = [end, block.last]
    }
    this.session.deps.keeper.tidy(mailbox, thin.found())
    while (at < view.count) {
      const made = await this.index(view.uidsAt(at, at + MOST_MESSAGES), last)
      const block = made && madeBlock(made)
      const end = block === undefined ? at + BATCH_MESSAGES : view.countUpTo(block.last)
      yield { uids: view.uidsAt(at, end), ...(block && { block }) }
      at = end
      if (block !== undefined) last = block.last
    }
  }

  /** Whole blocks only. */
  private async index(uids: readonly number[], last: number): Promise<NewIndexBlock | undefined> {
    const { mailbox } = this.session.open
    const { gate, settings, keeper } = this.session.deps
    if (uids.length < MOST_MESSAGES || this.question.cost < 2) return undefined
    const unknown = uids.filter(uid => this.question.guess(this.look(uid)) === undefined)
    if (unknown.length < MOST_MESSAGES / 2) return undefined
    const entries = await mailbox.list(last + 1, uids.at(-1)!)
    // Removed, all of them, and the client has not been told yet: a block of none would lead nowhere.
    if (entries.length === 0) return undefined
    const { searchBytes: maxBytes } = settings
    const made = await buildBlock(mailbox, entries, { gate, maxBytes, turns: this.turns, over: this.over })
    // One at a time is on its way to the disk.
    await this.kept
    if (made !== undefined) this.kept = keeper.keepBlock(mailbox, made, last)
    return made
  }

  /** Those that match, ascending; `undefined` when time is up. */
  private async inStretch({ uids, block }: Stretch): Promise<number[] | undefined> {
    const found: number[] = []
    const guess = (seen: readonly Seen[]): Seen[] =>
      seen.filter(one => {
        const says = this.question.guess(one)
        if (says === true && !this.modseqs) found.push(one.uid)
        return says === undefined || (says && this.modseqs)
      })
    let open = guess(uids.map(uid => this.look(uid)))
    if (block !== undefined && open.length > 0) {
      for (const clue of this.clues) {
        await clue.look(block)
        if (this.turns.due) await this.turns.give()
      }
      const placed = placesOf(block, open)
      open = guess(placed)
    }
    for (let at = 0; at < open.length; at += BATCH_MESSAGES)
      if (!(await this.askAll(open.slice(at, at + BATCH_MESSAGES), found))) return undefined
    if (this.turns.due) await this.turns.give()
    return this.over() ? undefined : found.sort((a, b) => a - b)
  }

  /** False when time is up. */
  private async askAll(seen: readonly Seen[], found: number[]): Promise<boolean> {
    const known = new Map(seen.map(one => [one.uid, one]))
    for (const entry of await this.session.open.mailbox.get([...known.keys()])) {
      if (this.over()) return false
      if (this.turns.due) await this.turns.give()
      if (!(await this.ask(entry, known.get(entry.uid)!))) continue
      found.push(entry.uid)
      this.modseqs?.set(entry.uid, entry.modseq)
    }
    return true
  }

  private async ask(entry: MailEntry, seen: Seen): Promise<boolean> {
    const { mailbox, structures } = this.session.open
    const content = new Content(entry, mailbox, structures, this.session.deps.gate)
    const { searchBytes: maxBytes } = this.session.deps.settings
    try {
      return await this.question.ask({ ...seen, flags: entry.flags, entry, content, maxBytes, fieldTexts: new Map() })
    } catch (error) {
      // Removed by another session between the list and the reading: it matches nothing any more.
      if (error instanceof Error && 'errorCode' in error && error.errorCode === 'message-gone') return false
      throw error
    }
  }
}

/** Runs of blocks of which half is gone, and whose rest is one block. */
class ThinBlocks {
  private readonly runs: { readonly after: number; readonly blocks: number[] }[] = []
  private left = 0
  private open = false

  /** `left` of its messages are there; `after` is the block before it. */
  add({ last, uids }: Block, left: number, after: number): void {
    const thin = uids.length > 0 && left <= uids.length / 2
    if (thin && this.open && this.left + left <= MOST_MESSAGES) {
      this.runs.at(-1)!.blocks.push(last)
      this.left += left
    } else if (thin) {
      this.runs.push({ after, blocks: [last] })
      this.left = left
    }
    this.open = thin
  }

  found(): readonly Thin[] {
    return this.runs.filter(({ blocks }) => blocks.length > 1).slice(0, MOST_TIDIED)
  }
}

/** Both ascend by UID. A message that is not in the block keeps no place: it is read. */
function placesOf(block: Block, seen: readonly Seen[]): Seen[] {
  let place = 0
  return seen.map(one => {
    while (place < block.uids.length && block.uids[place]! < one.uid) place += 1
    return block.uids[place] === one.uid ? { ...one, place } : one
  })
}
