/**
 * What COPY and MOVE have in common (RFC 3501 §6.4.7, RFC 6851): finding both ends, and telling which UID became which (RFC 4315 §3).
 */
import { type Done, no } from './answer.js'
import { tellTransfer } from './marking.js'
import { tellMoved } from './movement.js'
import { overQuota } from './quota.js'
import { isDone } from './selected.js'
import type { Session } from './session.js'
import { readMailbox } from './wire/mailbox.js'
import type { Reader } from './wire/reader.js'
import { formatSet, type NumberSet, readSet } from './wire/set.js'

export interface TransferArgs {
  readonly set: NumberSet
  readonly mailbox: string
}

export type Transferred =
  /** Without a code where UIDPLUS is switched off. */
  | { readonly kind: 'transferred'; readonly code?: string }
  /** No message was named, or none is left of them. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused'; readonly done: Done }

export function readTransfer(input: Reader): TransferArgs {
  input.space()
  const set = readSet(input)
  input.space()
  return { set, mailbox: readMailbox(input) }
}

export async function transfer(
  session: Session,
  { set, mailbox }: TransferArgs,
  uid: boolean,
  how: 'copy' | 'move',
): Promise<Transferred> {
  const selected = session.open
  const uids = selected.uids(set, uid)
  if (isDone(uids)) return { kind: 'refused', done: uids }
  const target = await session.deps.store.mail.find(session.accountId, mailbox)
  if (!target) return { kind: 'refused', done: no('There is no such mailbox', 'TRYCREATE') }
  if (uids.length === 0) return { kind: 'nothing' }
  const full = how === 'copy' ? await copyOverQuota(session, uids) : undefined
  if (full) return { kind: 'refused', done: full }
  const pairs = await selected.mailbox[how](uids, target.id)
  selected.touch()
  if (how === 'move') session.deps.keeper.changes(selected.mailbox, pairs.length)
  if (pairs.length === 0) return { kind: 'nothing' }
  tellTransfer(session, selected.info, target, pairs, how)
  tellMoved(session, selected.info, target, pairs, how)
  if (!session.features.can('UIDPLUS')) return { kind: 'transferred' }
  const from = formatSet(pairs.map(pair => pair[0]))
  const to = formatSet(pairs.map(pair => pair[1]))
  return { kind: 'transferred', code: `COPYUID ${target.uidValidity} ${from} ${to}` }
}

/** RFC 9208 §4.3.1: copies count like any other message. */
async function copyOverQuota(session: Session, uids: readonly number[]): Promise<Done | undefined> {
  const { quotaBytes, quotaMessages } = session.account ?? {}
  if (quotaBytes === undefined && quotaMessages === undefined) return undefined
  const entries = await session.open.mailbox.get(uids)
  return overQuota(session, {
    bytes: entries.reduce((sum, { size }) => sum + size, 0),
    messages: entries.length,
  })
}
