/**
 * SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2).
 */
import { LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { Selected, writeKnownFlags } from '../selected.js'
import type { Session } from '../session.js'
import { readMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

const opening = (name: string, readOnly: boolean) =>
  command({
    name,
    states: LOGGED_IN,
    // The news would be of the mailbox that has just been told whole.
    expunge: 'no',
    read(input: Reader) {
      input.space()
      return readMailbox(input)
    },
    async run(session: Session, mailbox: string) {
      // RFC 3501 §6.3.1: the mailbox before is left even when this one cannot be opened.
      session.unselect()
      const { mail } = session.deps.store
      const info = await mail.find(session.accountId, mailbox)
      if (!info) return no('There is no such mailbox', 'NONEXISTENT')
      const selected = await Selected.open(await mail.open(session.accountId, info.id), readOnly, session.deps.recents)
      session.selected = selected
      describe(session, selected)
      return ok(`${name} done`, readOnly ? 'READ-ONLY' : 'READ-WRITE')
    },
  })

function describe(session: Session, { info, view, readOnly }: Selected): void {
  for (const line of writeKnownFlags(view.knownFlags, readOnly)) session.say(line)
  session.say(`* ${view.count} EXISTS`)
  session.say(`* ${view.recentCount} RECENT`)
  const unseen = view.firstUnseen()
  if (unseen !== undefined) session.say(`* OK [UNSEEN ${unseen}] First unseen message`)
  session.say(`* OK [UIDVALIDITY ${info.uidValidity}] UIDs are valid`)
  session.say(`* OK [UIDNEXT ${Math.max(info.uidNext, view.lastUid + 1)}] Predicted next UID`)
}

export const select = opening('SELECT', false)
export const examine = opening('EXAMINE', true)
