/**
 * LIST (RFC 3501 §6.3.8), extended (RFC 5258) and with STATUS (RFC 5819); children (RFC 3348) and special uses (RFC 6154) are told unasked.
 * Nothing lies on other servers, so REMOTE finds nothing more (RFC 5258 §3.1).
 */
import type { MailboxInfo } from 'posthouse/api'
import { LOGGED_IN, ok } from '../answer.js'
import { command } from '../command.js'
import { type Listed, listNames } from '../listing.js'
import type { Session } from '../session.js'
import { readStatusItems, type StatusItem, writeStatus } from '../status-items.js'
import { type Features, speaksUtf8 } from '../wire/features.js'
import { type ListArgs, readListArgs } from '../wire/list-args.js'
import { DELIMITER, writeMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

export const list = command({
  name: 'LIST',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [
    { name: 'CHILDREN' },
    { name: 'SPECIAL-USE' },
    { name: 'LIST-EXTENDED' },
    { name: 'LIST-STATUS', needs: ['LIST-EXTENDED'] },
  ],
  read: (input: Reader): ListArgs<StatusItem> => readListArgs(input, readStatusItems),
  async run(session: Session, args: ListArgs<StatusItem>) {
    // RFC 3501 §6.3.8: an empty pattern asks for the delimiter and the root.
    if (!args.extended && args.patterns[0] === '') {
      session.say(`* LIST (\\Noselect) "${DELIMITER}" ""`)
      return ok('LIST done')
    }
    const { mail } = session.deps.store
    const mailboxes = await mail.list(session.accountId)
    const infos = new Map(mailboxes.map(info => [info.name, info]))
    const subscriptions = needsSubscriptions(args) ? await mail.subscriptions(session.accountId) : []
    for (const one of listNames(mailboxes, subscriptions, args, session.features)) {
      const status = one.selected ? await statusOf(session, infos.get(one.name)!, args.status) : undefined
      session.say(writeListed('LIST', one, session.features))
      if (status !== undefined) session.say(status)
      await session.output.room()
    }
    return ok('LIST done')
  },
})

function needsSubscriptions({ select, returns }: ListArgs<StatusItem>): boolean {
  return select.has('SUBSCRIBED') || returns.has('SUBSCRIBED')
}

async function statusOf(session: Session, info: MailboxInfo, items: readonly StatusItem[]) {
  if (items.length === 0) return undefined
  try {
    return await writeStatus(session, info, items)
  } catch (error) {
    // RFC 5819 §2: a STATUS that cannot be told may be left out; the mailbox has just been deleted.
    if (error instanceof Error && 'errorCode' in error && error.errorCode === 'mailbox-gone') return undefined
    throw error
  }
}

export function writeListed(
  response: 'LIST' | 'LSUB',
  { name, attributes, childInfo, oldName }: Pick<Listed, 'name' | 'attributes' | 'childInfo'> & { oldName?: string },
  features: Features,
): string {
  const plain = speaksUtf8(features)
  const items = [
    ...(childInfo ? ['"CHILDINFO" ("SUBSCRIBED")'] : []),
    // RFC 9051 §6.3.9.7: the client has called it otherwise.
    ...(oldName !== undefined && oldName !== name ? [`"OLDNAME" (${writeMailbox(oldName, plain)})`] : []),
  ]
  const extended = items.length > 0 ? ` (${items.join(' ')})` : ''
  return `* ${response} (${attributes.join(' ')}) "${DELIMITER}" ${writeMailbox(name, plain)}${extended}`
}
