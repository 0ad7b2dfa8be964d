/** LSUB (RFC 3501 §6.3.9): names subscribed to. */
import { LOGGED_IN, ok } from '../answer.js'
import { command } from '../command.js'
import { listSubscribed } from '../listing.js'
import { readPlainListArgs } from '../wire/list-args.js'
import { writeListed } from './list.js'

export const lsub = command({
  name: 'LSUB',
  states: LOGGED_IN,
  expunge: 'yes',
  read: readPlainListArgs,
  async run(session, args) {
    const subscriptions = await session.deps.store.mail.subscriptions(session.accountId)
    for (const one of listSubscribed(subscriptions, args, session.features)) {
      session.say(writeListed('LSUB', one, session.features))
      await session.output.room()
    }
    return ok('LSUB done')
  },
})
