/** EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1, UIDPLUS). The EXPUNGE responses are news like any other and follow before the answer. */
import { bad, no, ok } from '../answer.js'
import { command } from '../command.js'
import { removeAndTell } from '../movement.js'
import type { Session } from '../session.js'
import type { Reader } from '../wire/reader.js'
import { inRanges, type NumberSet, rangesOf, readSet, resolveSet, SAVED } from '../wire/set.js'

export const expunge = command({
  name: 'EXPUNGE',
  states: ['selected'],
  uid: true,
  expunge: 'yes',
  capabilities: [{ name: 'UIDPLUS' }],
  read(input: Reader): NumberSet | undefined {
    if (input.atEnd) return undefined
    input.space()
    return readSet(input)
  },
  async run(session, set, uid) {
    if (uid && !session.features.can('UIDPLUS')) return bad('EXPUNGE has no UID form')
    if (uid !== (set !== undefined)) return bad(uid ? 'UID EXPUNGE needs a set of UIDs' : 'EXPUNGE takes no set')
    if (session.open.readOnly) return no('The mailbox is open for reading only', 'READ-ONLY')
    const removed = await removeDeleted(session, set)
    return ok('EXPUNGE done', removed ? await toldUpTo(session) : undefined)
  },
})

/** RFC 7162 §3.2.7, §3.2.9: who has enabled QRESYNC hears with the answer up to where everything is told, the removals of this command included. */
export async function toldUpTo(session: Session): Promise<string | undefined> {
  if (!session.features.enabled('QRESYNC')) return undefined
  await session.tellUpdates(true)
  return `HIGHESTMODSEQ ${session.open.view.safeModseq}`
}

/** Removes what carries \Deleted now, whoever set it. Resolves to whether there was any. */
export async function removeDeleted(session: Session, set?: NumberSet): Promise<boolean> {
  const selected = session.open
  selected.touch()
  await selected.refresh()
  const { view } = selected
  // Also of messages that have not been told yet, which a set may name.
  const ranges = set && (set === SAVED ? rangesOf(selected.saved) : resolveSet(set, view.lastUid))
  const uids = view.withFlag('\\Deleted').filter(uid => !ranges || inRanges(ranges, uid))
  if (uids.length > 0) await removeAndTell(session, selected.info, selected.mailbox, uids)
  selected.touch()
  return uids.length > 0
}
