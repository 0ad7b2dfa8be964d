/**
 * What can be asked about a mailbox without opening it: by STATUS (RFC 3501 §6.3.10) and by LIST … RETURN (STATUS …) (RFC 5819). Each item
 * stands with the capability it belongs to.
 */
import type { MailboxInfo } from 'posthouse/api'
import type { Session } from './session.js'
import { type CapabilityName, speaksUtf8 } from './wire/features.js'
import { hasFlag } from './wire/flags.js'
import { writeMailbox } from './wire/mailbox.js'
import { writeMailboxId } from './wire/object-id.js'
import type { Reader } from './wire/reader.js'

type Value = number | string

export interface StatusItem {
  readonly name: string
  /** Any of them brings it; left out: it is always there. */
  readonly of?: readonly CapabilityName[]
  value(info: MailboxInfo, session: Session): Value | Promise<Value>
}

const ITEMS: readonly StatusItem[] = [
  { name: 'MESSAGES', value: info => info.messages },
  { name: 'RECENT', value: countRecent },
  { name: 'UIDNEXT', value: info => info.uidNext },
  { name: 'UIDVALIDITY', value: info => info.uidValidity },
  { name: 'UNSEEN', value: info => info.unseen },
  // RFC 8438 §3: the sum of RFC822.SIZE, which is also what a quota counts.
  { name: 'SIZE', of: ['STATUS=SIZE', 'IMAP4rev2'], value: info => info.bytes },
  { name: 'DELETED', of: ['QUOTA', 'IMAP4rev2'], value: info => info.deleted },
  { name: 'DELETED-STORAGE', of: ['QUOTA'], value: deletedBytes },
  { name: 'HIGHESTMODSEQ', of: ['CONDSTORE'], value: info => info.highestModseq },
  { name: 'MAILBOXID', of: ['OBJECTID'], value: info => `(${writeMailboxId(info)})` },
  // RFC 7889 §3.1: one limit for all mailboxes.
  { name: 'APPENDLIMIT', of: ['APPENDLIMIT'], value: (_, session) => session.deps.settings.maxMessageBytes },
]

export function readStatusItems(input: Reader): readonly StatusItem[] {
  const known = ITEMS.filter(({ of }) => of === undefined || of.some(one => input.can(one)))
  const readOne = () => {
    const column = input.column
    const name = input.takeAtom()?.toUpperCase()
    return (
      known.find(item => item.name === name) ?? input.refuseAt(column, `one of ${known.map(one => one.name).join(' ')}`)
    )
  }
  return [...new Set(input.list(readOne, ITEMS.length * 2, 'items like MESSAGES'))]
}

/** The untagged response, without its line end. */
export async function writeStatus(session: Session, info: MailboxInfo, items: readonly StatusItem[]): Promise<string> {
  // RFC 7162 §3.1
  if (items.some(({ name }) => name === 'HIGHESTMODSEQ')) session.followModseqs()
  const values: string[] = []
  for (const item of items) values.push(`${item.name} ${await item.value(info, session)}`)
  return `* STATUS ${writeMailbox(info.name, speaksUtf8(session.features))} (${values.join(' ')})`
}

/** Messages no session was told of yet; asking takes none. */
async function countRecent(info: MailboxInfo, session: Session): Promise<number> {
  const first = await session.deps.recents.first(info.id, info.uidNext, false)
  if (info.messages === 0 || first >= info.uidNext) return 0
  const mailbox = await session.deps.store.mail.open(session.accountId, info.id)
  const { roll } = await mailbox.snapshot()
  return roll.count - roll.lowerBound(first)
}

/** RFC 9208 §4.1.4: what EXPUNGE would free. */
async function deletedBytes(info: MailboxInfo, session: Session): Promise<number> {
  if (info.deleted === 0) return 0
  const mailbox = await session.deps.store.mail.open(session.accountId, info.id)
  const { roll } = await mailbox.snapshot()
  const deleted = Array.from(
    roll.where(flags => hasFlag(flags, '\\Deleted')),
    index => roll.uidAt(index),
  )
  return (await mailbox.get(deleted)).reduce((sum, { size }) => sum + size, 0)
}
