/** LOGIN (RFC 3501 §6.2.3), and LOGINDISABLED while the password could be read on the way. */
import { beforeLogin } from '../capability.js'
import { command } from '../command.js'
import { logIn } from '../login.js'
import { type Reader, utf8 } from '../wire/reader.js'

export const login = command({
  name: 'LOGIN',
  states: ['not-authenticated'],
  expunge: 'no',
  capabilities: [{ name: 'LOGINDISABLED', when: standing => beforeLogin(standing) && !standing.loginAllowed }],
  read(input: Reader) {
    input.space()
    const name = utf8(input.astring('a login name'))
    input.space()
    return { name, password: utf8(input.astring('a password')) }
  },
  run: (session, { name, password }) => logIn(session, { kind: 'password', mechanism: 'LOGIN', login: name, password }),
})
