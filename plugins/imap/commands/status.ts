/** STATUS (RFC 3501 §6.3.10): numbers of a mailbox without opening it. */
import type { MailboxInfo } from 'posthouse/api'
import { LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { readMailbox, writeMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

const ITEMS = new Map<string, (info: MailboxInfo) => number>([
  ['MESSAGES', info => info.messages],
  // No message is ever told as recent (see README).
  ['RECENT', () => 0],
  ['UIDNEXT', info => info.uidNext],
  ['UIDVALIDITY', info => info.uidValidity],
  ['UNSEEN', info => info.unseen],
])

export const status = command({
  name: 'STATUS',
  states: LOGGED_IN,
  expunge: 'yes',
  read(input: Reader) {
    input.space()
    const mailbox = readMailbox(input)
    input.space()
    return { mailbox, items: input.list(() => readItem(input), ITEMS.size * 2, 'items like MESSAGES') }
  },
  async run(session, { mailbox, items }) {
    const info = await session.deps.store.mail.find(session.accountId, mailbox)
    if (!info) return no('There is no such mailbox', 'NONEXISTENT')
    const values = [...new Set(items)].map(item => `${item} ${ITEMS.get(item)!(info)}`)
    session.say(`* STATUS ${writeMailbox(mailbox)} (${values.join(' ')})`)
    return ok('STATUS done')
  },
})

function readItem(input: Reader): string {
  const item = [...ITEMS.keys()].find(name => input.take(new RegExp(`${name}(?=[ )])`, 'iy')) !== undefined)
  return item ?? input.refuse(`one of ${[...ITEMS.keys()].join(' ')}`)
}
