/**
 * SEARCH and UID SEARCH (RFC 3501 §6.4.4). Bounded three times: keys when read, octets per message, and time; between messages that had to
 * be read, other sessions get their turn.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { MailEntry } from 'posthouse/api'
import { type Done, no, ok } from '../answer.js'
import { command } from '../command.js'
import { Content } from '../content.js'
import { type Candidate, type Question, questionOf } from '../matcher.js'
import type { Session } from '../session.js'
import type { Reader } from '../wire/reader.js'
import { CHARSETS, readSearch, type SearchKey, type SearchProgram } from '../wire/search-keys.js'

const BATCH_MESSAGES = 1000

export const search = command({
  name: 'SEARCH',
  states: ['selected'],
  uid: true,
  expunge: 'uid',
  read(input: Reader): SearchProgram {
    input.space()
    return readSearch(input)
  },
  async run(session, program, uid) {
    if (program.kind === 'unknown-charset')
      return no('That charset is not known here', `BADCHARSET (${CHARSETS.join(' ')})`)
    const { view } = session.open
    await session.open.refresh()
    const outOfRange = tooLarge(program.key, session)
    if (outOfRange) return outOfRange
    const question = questionOf(program.key, { count: view.count, lastUid: view.lastUid })
    const found = await findAll(session, question)
    if (!found) return no('The search took too long', 'LIMIT')
    const numbers = uid ? found : found.map(one => view.sequenceOf(one))
    session.say(['* SEARCH', ...numbers].join(' '))
    return ok('SEARCH done')
  },
})

/** RFC 3501 §9 seq-number: a number beyond the mailbox is BAD here too. */
function tooLarge(key: SearchKey, session: Session): Done | undefined {
  switch (key.kind) {
    case 'sequence': {
      const uids = session.open.uids(key.set, false)
      return 'kind' in uids ? uids : undefined
    }
    case 'not':
      return tooLarge(key.key, session)
    case 'or':
      return tooLarge(key.left, session) ?? tooLarge(key.right, session)
    case 'and':
      return key.keys.map(one => tooLarge(one, session)).find(done => done !== undefined)
    default:
      return undefined
  }
}

/** UIDs that match, ascending; `undefined` when time is up. */
async function findAll(session: Session, question: Question): Promise<number[] | undefined> {
  const { mailbox, view } = session.open
  const { clock, settings } = session.deps
  const until = clock.now() + settings.searchTimeoutMs
  const found: number[] = []
  for (let at = 0; at < view.count; at += BATCH_MESSAGES) {
    await turn()
    for (const entry of await mailbox.get(view.allUids.slice(at, at + BATCH_MESSAGES))) {
      if (clock.now() > until || session.connection.socket.destroyed) return undefined
      if (question.cost > 0) await turn()
      if (await ask(session, question, entry)) found.push(entry.uid)
    }
  }
  return found
}

async function ask(session: Session, question: Question, entry: MailEntry): Promise<boolean> {
  const { mailbox, structures, view } = session.open
  const content = new Content(entry, mailbox, structures, session.deps.gate)
  const sequence = view.sequenceOf(entry.uid) ?? 0
  const recent = view.isRecent(entry.uid)
  const candidate: Candidate = {
    entry,
    sequence,
    recent,
    fieldTexts: new Map(),
    content,
    maxBytes: session.deps.settings.searchBytes,
  }
  try {
    return await question.ask(candidate)
  } catch (error) {
    // Removed by another session between the list and the reading: it matches nothing any more.
    if (error instanceof Error && 'errorCode' in error && error.errorCode === 'message-gone') return false
    throw error
  }
}
