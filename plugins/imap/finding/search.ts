/**
 * Finds the messages of the selected mailbox that match. Bounded three times: keys when read, octets per message, and time; others get their turn
 * between messages that have to be read, and between slices of those that need not.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { MailEntry } from 'posthouse/api'
import { type Done, no } from '../answer.js'
import { Content } from '../content.js'
import { type Candidate, type Question, questionOf, type Seen } from '../matcher.js'
import type { Session } from '../session.js'
import { CHARSETS, type SearchKey, type SearchProgram } from '../wire/search-keys.js'
import type { Results } from './results.js'

const BATCH_MESSAGES = 1000
/** What the view alone answers takes a microsecond for a message. */
const BATCH_SEEN = 10_000

export async function find(session: Session, program: SearchProgram): Promise<Results | Done> {
  if (program.kind === 'unknown-charset')
    return no('That charset is not known here', `BADCHARSET (${CHARSETS.join(' ')})`)
  const { key } = program
  const selected = session.open
  await selected.refresh()
  const { view } = selected
  const saved = new Set(selected.saved)
  const question = questionOf(key, {
    count: view.count,
    lastUid: view.lastUid,
    saved,
    now: session.deps.clock.now(),
  })
  const modseqs = asksModseq(key) ? new Map<number, number>() : undefined
  const search = new Search(session, question, modseqs)
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

class Search {
  private readonly session: Session
  private readonly question: Question
  private readonly modseqs: Map<number, number> | undefined
  private readonly until: number

  constructor(session: Session, question: Question, modseqs: Map<number, number> | undefined) {
    this.session = session
    this.question = question
    this.modseqs = modseqs
    this.until = session.deps.clock.now() + session.deps.settings.searchTimeoutMs
  }

  private get over(): boolean {
    return this.session.deps.clock.now() > this.until || this.session.connection.socket.destroyed
  }

  /** UIDs that match by what the view knows, ascending; `undefined` when time is up. */
  async seen(): Promise<number[] | undefined> {
    const { view } = this.session.open
    const found: number[] = []
    for (let index = 0; index < view.count; index++) {
      if (index % BATCH_SEEN === 0) {
        await turn()
        if (this.over) return undefined
      }
      const uid = view.uidAt(index)
      if (this.question.ask(this.look(uid) as Candidate)) found.push(uid)
    }
    return found
  }

  private look(uid: number): Seen {
    const { view } = this.session.open
    return {
      uid,
      sequence: view.sequenceOf(uid) ?? 0,
      recent: view.isRecent(uid),
      flags: view.flagsOf(uid) ?? [],
    }
  }

  /** The same with the store's entries, and where need be the messages. */
  async asked(): Promise<number[] | undefined> {
    const { mailbox, view } = this.session.open
    const found: number[] = []
    for (let at = 0; at < view.count; at += BATCH_MESSAGES) {
      await turn()
      for (const entry of await mailbox.get(view.uidsAt(at, at + BATCH_MESSAGES))) {
        if (this.over) return undefined
        if (this.question.cost > 1) await turn()
        if (!(await this.ask(entry))) continue
        found.push(entry.uid)
        this.modseqs?.set(entry.uid, entry.modseq)
      }
    }
    return found
  }

  private async ask(entry: MailEntry): Promise<boolean> {
    const { mailbox, structures } = this.session.open
    const content = new Content(entry, mailbox, structures, this.session.deps.gate)
    const { searchBytes: maxBytes } = this.session.deps.settings
    const seen = { ...this.look(entry.uid), flags: entry.flags }
    try {
      return await this.question.ask({ ...seen, entry, content, maxBytes, fieldTexts: new Map() })
    } catch (error) {
      // Removed by another session between the list and the reading: it matches nothing any more.
      if (error instanceof Error && 'errorCode' in error && error.errorCode === 'message-gone') return false
      throw error
    }
  }
}
