/** USER name (RFC 1939 §7). Every name is welcome: who exists is not told. */
import { ok } from '../answer.js'
import { type Command, readRest } from '../command.js'
import { tlsFirst } from '../login.js'

export const user: Command<string> = {
  name: 'USER',
  states: ['authorization'],
  read: input => readRest(input, 'a login'),
  run(session, login) {
    const refused = tlsFirst(session)
    if (refused !== undefined) return refused
    session.user = login
    return ok(session.texts.nowPassword)
  },
  // RFC 2595 §2.3: refused while the password could be read on the way, so not announced either.
  capabilities: ({ loginAllowed }) => (loginAllowed ? ['USER'] : []),
}
