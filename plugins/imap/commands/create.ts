/** CREATE (RFC 3501 §6.3.3). A `/` at the end only says that inferiors are to come; any mailbox may have some here. */
import { LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { readMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

export const create = command({
  name: 'CREATE',
  states: LOGGED_IN,
  expunge: 'yes',
  read(input: Reader) {
    input.space()
    return readMailbox(input).replace(/\/$/, '')
  },
  async run(session, name) {
    const { mail } = session.deps.store
    const { maxMailboxes } = session.deps.settings
    // Wildcards in a name could not be told from a pattern.
    if (name === '' || /[*%]/.test(name)) return no('That mailbox name is not possible', 'CANNOT')
    if ((await mail.list(session.accountId)).length >= maxMailboxes)
      return no(`There are ${maxMailboxes} mailboxes, that is the limit`, 'LIMIT')
    await mail.create(session.accountId, name)
    return ok('Mailbox made')
  },
})
