/** RENAME (RFC 3501 §6.3.5). INBOX gives its messages to the new name and stays. */
import { LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { overMailboxes } from '../quota.js'
import { DELIMITER, readMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

export const rename = command({
  name: 'RENAME',
  states: LOGGED_IN,
  expunge: 'yes',
  read(input: Reader) {
    input.space()
    const from = readMailbox(input)
    input.space()
    return { from, to: readMailbox(input).replace(/\/$/, '') }
  },
  async run(session, { from, to }) {
    if (to === '' || /[*%]/.test(to)) return no('That mailbox name is not possible', 'CANNOT')
    const { mail } = session.deps.store
    const full = overMailboxes(session, await mail.list(session.accountId), from === 'INBOX' ? to : parentOf(to))
    if (full) return full
    await mail.rename(session.accountId, from, to)
    session.selected?.touch()
    return ok('Mailbox renamed')
  },
})

/** RFC 3501 §6.3.5: missing levels above the new name are made. */
function parentOf(name: string): string | undefined {
  const at = name.lastIndexOf(DELIMITER)
  return at < 0 ? undefined : name.slice(0, at)
}
