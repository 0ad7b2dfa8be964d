/** UNAUTHENTICATE (RFC 8437): the session is as it was before the login, but for TLS and for the wrong passwords so far. There is no NO. */
import { LOGGED_IN, ok } from '../answer.js'
import { afterLogin } from '../capability.js'
import { command, readNothing } from '../command.js'

export const unauthenticate = command({
  name: 'UNAUTHENTICATE',
  states: LOGGED_IN,
  expunge: 'no',
  capabilities: [{ name: 'UNAUTHENTICATE', when: afterLogin }],
  needs: 'UNAUTHENTICATE',
  read: readNothing,
  async run(session) {
    session.logOut()
    // RFC 8437 §4.1: the answer is the last that is compressed.
    return { ...ok('Logged out, the connection stays'), after: async () => session.compress(false) }
  },
})
