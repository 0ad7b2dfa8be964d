/** NAMESPACE (RFC 2342): one personal namespace without a prefix; nothing is shared. */
import { LOGGED_IN, ok } from '../answer.js'
import { command, readNothing } from '../command.js'
import { DELIMITER } from '../wire/mailbox.js'

export const namespace = command({
  name: 'NAMESPACE',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [{ name: 'NAMESPACE' }],
  needs: 'NAMESPACE',
  read: readNothing,
  async run(session) {
    session.say(`* NAMESPACE (("" "${DELIMITER}")) NIL NIL`)
    return ok('That is all')
  },
})
