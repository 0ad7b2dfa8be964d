/** SUBSCRIBE and UNSUBSCRIBE (RFC 3501 §6.3.6, §6.3.7). A name may be subscribed to without there being a mailbox. */
import { LOGGED_IN, no, ok } from '../answer.js'
import { command } from '../command.js'
import type { Session } from '../session.js'
import { readMailbox } from '../wire/mailbox.js'
import type { Reader } from '../wire/reader.js'

const subscribing = (name: string, subscribed: boolean) =>
  command({
    name,
    states: LOGGED_IN,
    expunge: 'yes',
    read(input: Reader) {
      input.space()
      return readMailbox(input)
    },
    async run(session: Session, mailbox: string) {
      const { mail } = session.deps.store
      const { maxMailboxes } = session.deps.settings
      if (subscribed && (await mail.subscriptions(session.accountId)).length >= maxMailboxes)
        return no(`There are ${maxMailboxes} subscriptions, that is the limit`, 'LIMIT')
      await mail.subscribe(session.accountId, mailbox, subscribed)
      return ok(`${name} done`)
    },
  })

export const subscribe = subscribing('SUBSCRIBE', true)
export const unsubscribe = subscribing('UNSUBSCRIBE', false)
