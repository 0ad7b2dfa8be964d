/**
 * CREATE (RFC 3501 §6.3.3), also for a special use (RFC 6154 §3). A `/` at the end only says that inferiors are to come; any mailbox may have some
 * here. A mailbox has one use, and a use one mailbox: where mail of a kind belongs must be plain.
 */
import type { MailboxInfo, SpecialUse } from 'posthouse/api'
import { type Done, LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import { overMailboxes } from '../quota.js'
import { readMailbox } from '../wire/mailbox.js'
import { writeMailboxId } from '../wire/object-id.js'
import type { Reader } from '../wire/reader.js'
import { listed } from './select.js'

const USES: readonly SpecialUse[] = ['Archive', 'Drafts', 'Junk', 'Sent', 'Trash']
const MOST_USES = 10

export interface CreateArgs {
  readonly name: string
  /** As given, without the backslash. */
  readonly uses: readonly string[]
}

export const create = command({
  name: 'CREATE',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [{ name: 'CREATE-SPECIAL-USE', needs: ['SPECIAL-USE'] }],
  read(input: Reader): CreateArgs {
    input.space()
    const name = readMailbox(input).replace(/\/$/, '')
    return { name, uses: input.can('CREATE-SPECIAL-USE') ? readUses(input) : [] }
  },
  async run(session, { name, uses }) {
    const { mail } = session.deps.store
    // Wildcards in a name could not be told from a pattern.
    if (name === '' || /[*%]/.test(name)) return no('That mailbox name is not possible', 'CANNOT')
    const mailboxes = await mail.list(session.accountId)
    const full = overMailboxes(session, mailboxes, name)
    if (full) return full
    const use = oneUse(uses, mailboxes)
    if (typeof use === 'object') return use
    const made = await mail.create(session.accountId, name, use)
    // RFC 9051 §6.3.4: the name in NFC is another than the given one.
    if (made.name !== name && session.features.enabled('IMAP4rev2')) session.say(await listed(session, made, name))
    return ok('Mailbox made', session.features.can('OBJECTID') ? `MAILBOXID (${writeMailboxId(made)})` : undefined)
  },
})

/** RFC 4466 §2.2: parameters in parentheses, of which USE is the only one. */
function readUses(input: Reader): readonly string[] {
  if (input.take(' (') === undefined) return []
  input.need(/USE (?=\()/iy, 'USE and a list of uses')
  const uses = input.take('()') === undefined ? input.list(() => readUse(input), MOST_USES, 'uses like \\Sent') : []
  input.need(')', ')')
  return uses
}

function readUse(input: Reader): string {
  input.need('\\', 'a use like \\Sent')
  return input.atom('a use like \\Sent')
}

/** RFC 6154 §3: a use that cannot be given is refused, and nothing is made. */
function oneUse(uses: readonly string[], mailboxes: readonly MailboxInfo[]): SpecialUse | undefined | Done {
  const [given] = uses
  if (given === undefined) return undefined
  if (new Set(uses.map(one => one.toLowerCase())).size > 1) return no('A mailbox has one use here', 'USEATTR')
  const use = USES.find(one => one.toLowerCase() === given.toLowerCase())
  if (use === undefined) return no(`Uses here are \\${USES.join(', \\')}`, 'USEATTR')
  const holder = mailboxes.find(({ specialUse }) => specialUse === use)
  return holder ? no('Another mailbox has that use already', 'USEATTR') : use
}
