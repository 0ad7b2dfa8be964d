/**
 * Tells what the owner of a mailbox says of messages by what they do with them: into Junk, out of it, or marked with one of the keywords for
 * that. It is told when the change is on disk; the client does not wait for it, and what cannot be told is only logged.
 */
import type { FlagChange, Mailbox, MailboxInfo, MailEntry, Marking } from 'posthouse/api'
import type { Session } from './session.js'
import { hasFlag } from './wire/flags.js'

/** Of one command: whoever empties a whole mailbox into Junk has not looked at each message. */
const MOST_TOLD = 500
/** RFC 9051 §2.3.2, and what was usual before. */
const JUNK = ['$Junk', 'Junk']
const NOT_JUNK = ['$NotJunk', 'NonJunk', 'NotJunk']

type Says = Marking['says']

export function tellTransfer(
  session: Session,
  from: Pick<MailboxInfo, 'specialUse'>,
  to: Pick<MailboxInfo, 'id' | 'specialUse'>,
  pairs: readonly (readonly [from: number, to: number])[],
  by: 'move' | 'copy',
): void {
  const says = saysTransfer(from.specialUse, to.specialUse)
  // Taken now: the session may be somebody else's when it is told (UNAUTHENTICATE).
  const { accountId, deps } = session
  const { markings, store } = deps
  if (says === undefined || markings === undefined) return
  const uids = pairs.slice(0, MOST_TOLD).map(([, uid]) => uid)
  const tellAll = async () => {
    const box = await store.mail.open(accountId, to.id)
    for (const entry of await box.get(uids)) markings.tell(markingOf({ accountId, deps }, box, entry, says, by))
  }
  tellAll().catch((error: unknown) => session.log.warn({ err: error, says }, 'markings could not be told'))
}

/** Out of Junk into Trash says nothing: people throw away mail of both kinds. */
export function saysTransfer(from: MailboxInfo['specialUse'], to: MailboxInfo['specialUse']): Says | undefined {
  if (from === to) return undefined
  if (to === 'Junk') return 'junk'
  return from === 'Junk' && to !== 'Trash' ? 'not-junk' : undefined
}

/** Before the view is told of the change: what is new is known by what the client saw before. */
export function tellKeywords(session: Session, entries: readonly MailEntry[], change: FlagChange): void {
  const { markings } = session.deps
  if (markings === undefined || change.kind === 'remove') return
  const { view, mailbox } = session.open
  let told = 0
  for (const entry of entries) {
    const says = saysKeywords(view.flagsOf(entry.uid) ?? [], change.flags)
    if (says === undefined) continue
    markings.tell(markingOf(session, mailbox, entry, says, 'keyword'))
    if (++told >= MOST_TOLD) return
  }
}

/** RFC 9051 §2.3.2: both at once say nothing. One that was there before is no news. */
export function saysKeywords(before: readonly string[], set: readonly string[]): Says | undefined {
  const isNew = (names: readonly string[]) => names.some(name => hasFlag(set, name) && !hasFlag(before, name))
  const [junk, notJunk] = [isNew(JUNK), isNew(NOT_JUNK)]
  if (junk === notJunk) return undefined
  return junk ? 'junk' : 'not-junk'
}

function markingOf(
  { accountId, deps }: Pick<Session, 'accountId' | 'deps'>,
  box: Mailbox,
  entry: MailEntry,
  says: Says,
  by: Marking['by'],
): Marking {
  const { emailId, prefix, size } = entry
  return {
    ...{ accountId, says, by, at: deps.clock.now(), emailId, prefix, size },
    read: (from, to) => box.read(entry, from, to),
  }
}
