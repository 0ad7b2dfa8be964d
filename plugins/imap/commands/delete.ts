/** DELETE (RFC 3501 §6.3.4). Inferiors stay; a name that is only there for its inferiors cannot be deleted. */
import { LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { DELIMITER, readMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

export const remove = command({
  name: 'DELETE',
  states: LOGGED_IN,
  expunge: 'yes',
  read(input: Reader) {
    input.space()
    return readMailbox(input)
  },
  async run(session, name) {
    const { mail } = session.deps.store
    const info = await mail.find(session.accountId, name)
    if (!info) {
      const inferiors = (await mail.list(session.accountId)).some(other => other.name.startsWith(name + DELIMITER))
      return inferiors
        ? no('The name has mailboxes below it', 'HASCHILDREN')
        : no('There is no such mailbox', 'NONEXISTENT')
    }
    await mail.delete(session.accountId, name)
    // Deleting the mailbox one is in leaves it; other sessions there are sent away.
    if (session.selected?.mailbox.id === info.id) session.unselect()
    return ok('Mailbox deleted')
  },
})
