/**
 * Tells what people do with their mail, for the trail: moved, copied, removed. It is told when the change is on disk; the client does not wait for
 * it, and what cannot be told is only logged.
 */
import { type Mailbox, type MailboxInfo, type MailEntry, MOST_MOVED, type Movement } from 'posthouse/api'
import type { Session } from './session.js'

export function tellMoved(
  session: Session,
  from: Pick<MailboxInfo, 'name'>,
  to: Pick<MailboxInfo, 'id' | 'name'>,
  pairs: readonly (readonly [from: number, to: number])[],
  how: 'copy' | 'move',
): void {
  // Taken now: the session may be somebody else's when it is told (UNAUTHENTICATE).
  const { account, accountId, deps } = session
  if (deps.movements === undefined) return
  const uids = pairs.slice(0, MOST_MOVED).map(([, uid]) => uid)
  const kind = how === 'move' ? 'moved' : 'copied'
  const tellAll = async () => {
    const box = await deps.store.mail.open(accountId, to.id)
    tell({ account, deps }, { kind, from: from.name, to: to.name }, await box.get(uids))
  }
  tellAll().catch((error: unknown) => session.log.warn({ err: error }, 'the trail was not told what was moved'))
}

/** Removes them, and tells what was really removed. Once it is gone, nobody knows any more which message it was. */
export async function removeAndTell(
  session: Session,
  from: Pick<MailboxInfo, 'name'>,
  mailbox: Mailbox,
  uids: readonly number[],
): Promise<void> {
  const told = session.deps.movements === undefined ? [] : await mailbox.get(uids.slice(0, MOST_MOVED))
  const gone = new Set(await mailbox.expunge(uids))
  session.deps.keeper.changes(mailbox, gone.size)
  tellRemoved(
    session,
    from,
    told.filter(({ uid }) => gone.has(uid)),
  )
}

export function tellRemoved(session: Session, from: Pick<MailboxInfo, 'name'>, entries: readonly MailEntry[]): void {
  tell(session, { kind: 'removed', from: from.name }, entries)
}

function tell(
  { account, deps }: Pick<Session, 'account' | 'deps'>,
  movement: Pick<Movement, 'kind' | 'from' | 'to'>,
  entries: readonly MailEntry[],
): void {
  const prefixes = entries.map(({ prefix }) => prefix).filter(prefix => prefix !== '')
  if (prefixes.length > 0 && account !== undefined)
    deps.movements?.tell({ ...movement, login: account.login, protocol: 'imap', prefixes })
}
