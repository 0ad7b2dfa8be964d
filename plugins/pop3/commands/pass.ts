/** PASS password (RFC 1939 §7). The password is all that follows the first space, other spaces included. */
import { no } from '../answer.js'
import { type Command, readRest } from '../command.js'
import { logIn, tlsFirst } from '../login.js'

export const pass: Command<string> = {
  name: 'PASS',
  states: ['authorization'],
  read: input => readRest(input, 'a password'),
  run(session, password) {
    const refused = tlsFirst(session)
    if (refused !== undefined) return refused
    const login = session.user
    session.user = undefined
    if (login === undefined) return no(session.texts.userFirst)
    return logIn(session, { kind: 'password', mechanism: 'USER', login, password })
  },
}
