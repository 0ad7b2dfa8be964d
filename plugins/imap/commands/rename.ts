/** RENAME (RFC 3501 §6.3.5). INBOX gives its messages to the new name and stays. */
import { mailboxName } from 'posthouse/text'
import { LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { overMailboxes } from '../quota.js'
import type { Session } from '../session.js'
import { DELIMITER, readMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'
import { listed } from './select.js'

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
    if (session.features.enabled('IMAP4rev2')) await tellKept(session, from, to)
    return ok('Mailbox renamed')
  },
})

/** RFC 9051 §6.3.6: one of the names in NFC is another than the given one. */
async function tellKept(session: Session, from: string, to: string): Promise<void> {
  if (mailboxName(from) === from && mailboxName(to) === to) return
  const kept = await session.deps.store.mail.find(session.accountId, to)
  if (kept) session.say(await listed(session, kept, from))
}

/** RFC 3501 §6.3.5: missing levels above the new name are made. */
function parentOf(name: string): string | undefined {
  const at = name.lastIndexOf(DELIMITER)
  return at < 0 ? undefined : name.slice(0, at)
}
