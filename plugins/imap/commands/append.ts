/**
 * APPEND (RFC 3501 §6.3.11), answered with the new UID (RFC 4315). A large message goes to the store as it comes; whether it may come
 * at all (mailbox there, size allowed, arguments well-formed) is told before the client sends it.
 */
import type { NewBody } from 'posthouse/api'
import { bad, type Done, LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { readDateTime } from '../wire/date.js'
import { readFlagList } from '../wire/flags.js'
import { readMailbox } from '../wire/mailbox.js'
import { type Literal, literalMark, ReadError, type Reader } from '../wire/reader.js'
import { capitalise } from '../wire/write.js'

export interface AppendHead {
  readonly mailbox: string
  readonly flags: readonly string[]
  readonly date?: number
}

/** Everything before the message; the reader stands at its literal then. */
export function readAppendHead(input: Reader): AppendHead {
  input.space()
  const mailbox = readMailbox(input)
  input.space()
  const flags = input.peek('(') ? followed(input, readFlagList(input)) : []
  if (!input.peek('"')) return { mailbox, flags }
  return { mailbox, flags, date: followed(input, readDateTime(input)) }
}

function followed<T>(input: Reader, value: T): T {
  input.space()
  return value
}

export const append = command({
  name: 'APPEND',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [{ name: 'APPENDLIMIT', said: ({ settings }) => [`APPENDLIMIT=${settings.maxMessageBytes}`] }],
  read(input: Reader) {
    const head = readAppendHead(input)
    const message = input.takeLiteral() ?? input.refuse('a literal with the message')
    return { ...head, message }
  },
  async run(session, { mailbox, flags, date, message }) {
    const { mail } = session.deps.store
    const info = await mail.find(session.accountId, mailbox)
    if (!info) return missing()
    const body = bodyOf(message)
    if (!body) return no('An empty message cannot be kept', 'CANNOT')
    const box = await mail.open(session.accountId, info.id)
    const [uid] = await box.append([{ body, flags, date: date ?? session.deps.clock.now() }])
    if (session.selected?.mailbox.id === info.id) session.selected.touch()
    return ok('Message kept', session.features.can('UIDPLUS') ? `APPENDUID ${info.uidValidity} ${uid}` : undefined)
  },
  async largeLiteral(session, input) {
    const head = headBeforeMessage(input)
    if (head === 'not yet') return session.maxCommandBytes
    if ('kind' in head) return head
    if (!(await session.deps.store.mail.find(session.accountId, head.mailbox))) return missing()
    return session.deps.settings.maxMessageBytes
  },
})

/** `not yet` while the literal to come is an argument before the message. */
function headBeforeMessage(input: Reader): AppendHead | Done | 'not yet' {
  try {
    return readAppendHead(input)
  } catch (error) {
    if (!(error instanceof ReadError)) throw error
    return literalMark(input.rest) && input.rest.startsWith('{') ? 'not yet' : bad(capitalise(error.message))
  }
}

/** RFC 3501 §6.3.11: the client may make the mailbox and try again. */
function missing() {
  return no('There is no such mailbox', 'TRYCREATE')
}

function bodyOf(message: Literal): NewBody | undefined {
  if (message.kind === 'body') return message.body
  return message.bytes.length > 0 ? { kind: 'memory', bytes: message.bytes } : undefined
}
