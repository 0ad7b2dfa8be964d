/** REPLACE and UID REPLACE (RFC 8508): a message takes the place of another, in one step and with the quota of the difference. */
import type { MailEntry } from 'posthouse/api'
import { type Done, no, ok } from '../answer.js'
import { growthOf, type Messages, readMessages, readyMails, roomFor } from '../appending.js'
import { command } from '../command.js'
import { tellRemoved } from '../movement.js'
import { overQuota } from '../quota.js'
import { isDone } from '../selected.js'
import type { Session } from '../session.js'
import { readMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'
import { comingMessage, missing } from './append.js'
import { toldUpTo } from './expunge.js'
import { gone } from './fetch.js'

interface Replacement {
  readonly number: number | '*'
  readonly mailbox: string
  readonly messages: Messages
}

function readReplacement(input: Reader): Replacement {
  input.space()
  const number = input.take('*') === undefined ? input.nzNumber('a message number') : '*'
  input.space()
  const mailbox = readMailbox(input)
  return { number, mailbox, messages: readMessages(input, false) }
}

/** The message that is to go, or why it cannot. */
async function replaced(session: Session, number: number | '*', uid: boolean): Promise<MailEntry | Done> {
  const selected = session.open
  if (selected.readOnly) return no('The mailbox is open for reading only', 'READ-ONLY')
  const uids = selected.uids([[number, number]], uid)
  if (isDone(uids)) return uids
  const [entry] = await selected.mailbox.get(uids)
  if (entry) return entry
  return uid ? no('There is no such message', 'NONEXISTENT') : gone()
}

export const replace = command({
  name: 'REPLACE',
  states: ['selected'],
  uid: true,
  expunge: 'yes',
  capabilities: [{ name: 'REPLACE' }],
  needs: 'REPLACE',
  read(input: Reader) {
    const { messages, ...rest } = readReplacement(input)
    return messages.kind === 'all' ? { ...rest, ...messages } : input.refuse('a literal with the message')
  },
  async run(session, { number, mailbox, messages }, uid) {
    const old = await replaced(session, number, uid)
    if ('kind' in old) return old
    const { mail } = session.deps.store
    const info = await mail.find(session.accountId, mailbox)
    if (!info) return missing()
    const mails = await readyMails(session, messages)
    if ('kind' in mails) return mails
    const full = await overQuota(session, growthOf(messages, old))
    if (full) return full
    const selected = session.open
    const made = await selected.mailbox.replace(old.uid, mails[0]!, info.id)
    selected.touch()
    tellRemoved(session, selected.info, [old])
    // RFC 8508 §4.3: before the EXPUNGE, which follows with the news.
    if (session.features.can('UIDPLUS')) session.say(`* OK [APPENDUID ${info.uidValidity} ${made}] Kept`)
    // §4.5: the one that goes is removed as by UID EXPUNGE.
    return ok('Message replaced', await toldUpTo(session))
  },
  async largeLiteral(session, input, { size, uid }) {
    const args = comingMessage(input, () => readReplacement(input))
    if (args === 'not yet') return session.maxCommandBytes
    if ('kind' in args) return args
    const old = await replaced(session, args.number, uid)
    if ('kind' in old) return old
    if (!(await session.deps.store.mail.find(session.accountId, args.mailbox))) return missing()
    return roomFor(session, args.messages.messages, size, old)
  },
})
