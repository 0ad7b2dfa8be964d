/** LIST and LSUB (RFC 3501 §6.3.8, §6.3.9), with children (RFC 3348) and special uses (RFC 6154) told unasked. */
import { LOGGED_IN, ok } from '../answer.js'
import type { Capability } from '../capability.js'
import { command } from '../command.js'
import { type ListArgs, type Listed, listNames, listSubscribed } from '../listing.js'
import type { Session } from '../session.js'
import { DELIMITER, readListMailbox, writeMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

const listing = (
  name: string,
  capabilities: readonly Capability[],
  names: (s: Session, a: ListArgs) => Promise<Listed[]>,
) =>
  command({
    name,
    states: LOGGED_IN,
    expunge: 'yes',
    capabilities,
    read(input: Reader): ListArgs {
      input.space()
      const reference = input.astring('a reference name')
      input.space()
      return { reference, pattern: readListMailbox(input) }
    },
    async run(session: Session, args: ListArgs) {
      for (const one of await names(session, args)) {
        session.say(`* ${name} (${one.attributes.join(' ')}) "${DELIMITER}" ${writeMailbox(one.name)}`)
        await session.output.room()
      }
      return ok(`${name} done`)
    },
  })

export const list = listing('LIST', [{ name: 'CHILDREN' }, { name: 'SPECIAL-USE' }], async (session, args) => {
  // RFC 3501 §6.3.8: an empty pattern asks for the delimiter and the root.
  if (args.pattern === '') return [{ name: '', attributes: ['\\Noselect'] }]
  return listNames(await session.deps.store.mail.list(session.accountId), args, session.features)
})

export const lsub = listing('LSUB', [], async (session, args) =>
  listSubscribed(await session.deps.store.mail.subscriptions(session.accountId), args),
)
