/** STATUS (RFC 3501 §6.3.10): numbers of a mailbox without opening it. */
import { LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { readStatusItems, writeStatus } from '../status-items.js'
import { readMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

export const status = command({
  name: 'STATUS',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [{ name: 'STATUS=SIZE' }],
  read(input: Reader) {
    input.space()
    const mailbox = readMailbox(input)
    input.space()
    return { mailbox, items: readStatusItems(input) }
  },
  async run(session, { mailbox, items }) {
    const info = await session.deps.store.mail.find(session.accountId, mailbox)
    if (!info) return no('There is no such mailbox', 'NONEXISTENT')
    session.say(await writeStatus(session, info, items))
    return ok('STATUS done')
  },
})
