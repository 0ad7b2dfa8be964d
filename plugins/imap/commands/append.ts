/**
 * APPEND (RFC 3501 §6.3.11), of several messages too, all or none (RFC 3502), answered with the new UIDs (RFC 4315). Large messages go to the store as
 * they come; whether they may come at all (mailbox there, size and quota allowed, arguments well-formed) is told before the client sends them.
 */
import { bad, type Done, LOGGED_IN, no, ok } from '../answer.js'
import { growthOf, type Messages, readMessages, readyMails, roomFor } from '../appending.js'
import { command } from '../command.js'
import { overQuota } from '../quota.js'
import { readMailbox } from '../wire/mailbox.js'
import { ReadError, type Reader } from '../wire/reader.js'
import { formatSet } from '../wire/set.js'
import { capitalise } from '../wire/write.js'

export interface AppendArgs {
  readonly mailbox: string
  readonly messages: Messages
}

export function readAppend(input: Reader): AppendArgs {
  input.space()
  const mailbox = readMailbox(input)
  return { mailbox, messages: readMessages(input, input.can('MULTIAPPEND')) }
}

export const append = command({
  name: 'APPEND',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [
    // RFC 7889 §2: one limit for all mailboxes.
    { name: 'APPENDLIMIT', said: ({ settings }) => [`APPENDLIMIT=${settings.maxMessageBytes}`] },
    { name: 'MULTIAPPEND' },
  ],
  read(input: Reader) {
    const { mailbox, messages } = readAppend(input)
    return messages.kind === 'all' ? { mailbox, ...messages } : input.refuse('a literal with the message')
  },
  async run(session, { mailbox, messages }) {
    const { mail } = session.deps.store
    const info = await mail.find(session.accountId, mailbox)
    if (!info) return missing()
    const mails = await readyMails(session, messages)
    if ('kind' in mails) return mails
    const full = await overQuota(session, growthOf(messages))
    if (full) return full
    const uids = await (await mail.open(session.accountId, info.id)).append(mails)
    if (session.selected?.mailbox.id === info.id) session.selected.touch()
    const code = session.features.can('UIDPLUS') ? `APPENDUID ${info.uidValidity} ${formatSet(uids)}` : undefined
    return ok(uids.length > 1 ? 'Messages kept' : 'Message kept', code)
  },
  async largeLiteral(session, input, { size }) {
    const args = comingMessage(input, () => readAppend(input))
    if (args === 'not yet') return session.maxCommandBytes
    if ('kind' in args) return args
    if (!(await session.deps.store.mail.find(session.accountId, args.mailbox))) return missing()
    return roomFor(session, args.messages.messages, size)
  },
})

/** `not yet` while the literal to come is an argument before the message; whatever is wrong before it, the client hears before it sends. */
export function comingMessage<T>(input: Reader, read: () => T): T | Done | 'not yet' {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ReadError)) throw error
    return input.atLiteral && input.peek('{') ? 'not yet' : bad(capitalise(error.message))
  }
}

/** RFC 3501 §6.3.11: the client may make the mailbox and try again. */
export function missing(): Done {
  return no('There is no such mailbox', 'TRYCREATE')
}
