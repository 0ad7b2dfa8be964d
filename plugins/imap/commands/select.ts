/**
 * SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2; RFC 9051 §6.3.2), for a client that comes back also with what changed while it was away (QRESYNC,
 * RFC 7162 §3.2.5).
 */
import type { MailboxInfo } from 'posthouse/api'
import { bad, LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { fetchFromView } from '../fetch-view.js'
import { attributesOf } from '../listing.js'
import { Selected, writeKnownFlags } from '../selected.js'
import type { Session } from '../session.js'
import { readMailbox } from '../wire/mailbox.js'
import { type Remembered, readRemembered } from '../wire/modseq.js'
import { writeMailboxId } from '../wire/object-id.js'
import type { Reader } from '../wire/reader.js'
import { sayVanished } from './fetch.js'
import { writeListed } from './list.js'

export interface SelectArgs {
  readonly mailbox: string
  readonly condstore?: boolean
  readonly remembered?: Remembered
}

const opening = (name: string, readOnly: boolean) =>
  command({
    name,
    states: LOGGED_IN,
    // The news would be of the mailbox that has just been told whole.
    expunge: 'no',
    read(input: Reader): SelectArgs {
      input.space()
      const mailbox = readMailbox(input)
      if (!input.can('CONDSTORE') || input.take(' ') === undefined) return { mailbox }
      return Object.assign({ mailbox }, ...input.list(() => readParameter(input), 2, 'CONDSTORE or QRESYNC'))
    },
    async run(session: Session, { mailbox, condstore, remembered }: SelectArgs) {
      // RFC 7162 §3.2.5
      if (remembered && !session.features.enabled('QRESYNC')) return bad('QRESYNC needs ENABLE QRESYNC first')
      leave(session)
      if (condstore) session.followModseqs()
      const { mail } = session.deps.store
      const info = await mail.find(session.accountId, mailbox)
      if (!info) return no('There is no such mailbox', 'NONEXISTENT')
      // RFC 9051 Appendix E: nothing is recent any more.
      const recents = session.features.enabled('IMAP4rev2') ? undefined : session.deps.recents
      const selected = await Selected.open(await mail.open(session.accountId, info.id), readOnly, recents)
      session.selected = selected
      try {
        await describe(session, selected, mailbox)
        if (remembered) await resynchronise(session, selected, remembered)
      } catch (error) {
        // RFC 3501 §6.3.1: nothing is selected when it is not OK.
        session.unselect()
        throw error
      }
      return ok(`${name} done`, readOnly ? 'READ-ONLY' : 'READ-WRITE')
    },
  })

/** RFC 7162 §7 select-param */
function readParameter(input: Reader): Pick<SelectArgs, 'condstore' | 'remembered'> {
  const wish = input.can('QRESYNC') ? 'CONDSTORE or QRESYNC' : 'CONDSTORE'
  if (input.take(/CONDSTORE/iy) !== undefined) return { condstore: true }
  if (!input.can('QRESYNC')) return input.refuse(wish)
  input.need(/QRESYNC /iy, wish)
  return { remembered: readRemembered(input) }
}

/** RFC 3501 §6.3.1: the mailbox before is left even when this one cannot be opened; RFC 7162 §3.2.11: and the client told where its news end. */
function leave(session: Session): void {
  if (session.selected === undefined) return
  session.unselect()
  session.say('* OK [CLOSED] The mailbox before is closed')
}

async function describe(session: Session, selected: Selected, given: string): Promise<void> {
  const { info, view, readOnly } = selected
  const { features } = session
  const rev2 = features.enabled('IMAP4rev2')
  for (const line of writeKnownFlags(view.knownFlags, readOnly)) session.say(line)
  session.say(`* ${view.count} EXISTS`)
  if (!rev2) session.say(`* ${view.recentCount} RECENT`)
  const unseen = rev2 ? undefined : view.firstUnseen()
  if (unseen !== undefined) session.say(`* OK [UNSEEN ${unseen}] First unseen message`)
  session.say(`* OK [UIDVALIDITY ${info.uidValidity}] UIDs are valid`)
  session.say(`* OK [UIDNEXT ${Math.max(info.uidNext, view.lastUid + 1)}] Predicted next UID`)
  if (features.can('CONDSTORE')) session.say(`* OK [HIGHESTMODSEQ ${info.highestModseq}] Changed last`)
  if (features.can('OBJECTID')) session.say(`* OK [MAILBOXID (${writeMailboxId(info)})] Stays through renames`)
  if (rev2) session.say(await listed(session, info, given))
}

/** RFC 9051 §6.3.2: the mailbox as LIST tells it. */
export async function listed(session: Session, { name }: MailboxInfo, oldName: string): Promise<string> {
  const attributes = attributesOf(await session.deps.store.mail.list(session.accountId), name, session.features)
  return writeListed('LIST', { name, attributes, childInfo: false, oldName }, session.features)
}

/** RFC 7162 §3.2.5: of a mailbox with another UIDVALIDITY nothing is told; the client sees that it knows another. */
async function resynchronise(session: Session, selected: Selected, remembered: Remembered): Promise<void> {
  const { info, view } = selected
  if (remembered.uidValidity !== info.uidValidity) return
  const uids = remembered.uids ?? [[1, Number.MAX_SAFE_INTEGER] as const]
  const vanished = await selected.vanishedSince(remembered.modseq, uids, remembered.places)
  await sayVanished(session, vanished)
  const changed = view.changedSince(remembered.modseq, uids)
  await fetchFromView(session, changed, [{ kind: 'uid' }, { kind: 'flags' }, { kind: 'modseq' }])
  // What is told here leads to the HIGHESTMODSEQ that was told above.
  if (selected.behind) selected.touch()
}

export const select = opening('SELECT', false)
export const examine = opening('EXAMINE', true)
