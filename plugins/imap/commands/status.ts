/** STATUS (RFC 3501 §6.3.10): numbers of a mailbox without opening it. */
import type { MailboxInfo } from 'posthouse/api'
import { LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import type { Session } from '../session.js'
import { readMailbox, writeMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

const ITEMS = new Map<string, (info: MailboxInfo, session: Session) => number | Promise<number>>([
  ['MESSAGES', info => info.messages],
  ['RECENT', countRecent],
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
    const values: string[] = []
    for (const item of new Set(items)) values.push(`${item} ${await ITEMS.get(item)!(info, session)}`)
    session.say(`* STATUS ${writeMailbox(mailbox)} (${values.join(' ')})`)
    return ok('STATUS done')
  },
})

/** Messages no session was told of yet; asking takes none. */
async function countRecent(info: MailboxInfo, session: Session): Promise<number> {
  const first = await session.deps.recents.first(info.id, info.uidNext, false)
  if (info.messages === 0 || first >= info.uidNext) return 0
  const mailbox = await session.deps.store.mail.open(session.accountId, info.id)
  return (await mailbox.list(first)).length
}

function readItem(input: Reader): string {
  const item = [...ITEMS.keys()].find(name => input.take(new RegExp(`${name}(?=[ )])`, 'iy')) !== undefined)
  return item ?? input.refuse(`one of ${[...ITEMS.keys()].join(' ')}`)
}
