/** LOGIN (draft-murchison-sasl-login): the login and then the password, each asked for. Old clients know nothing else. */
import { isUtf8 } from 'node:buffer'
import { prepareName } from '../text/index.js'
import { challenge, MAX_NAME, MAX_SECRET, type Machine, malformed, refused, type Turn } from './mechanism.js'

// Some clients look for these very words.
const ASK_LOGIN = challenge('Username:')
const ASK_PASSWORD = challenge('Password:')

export function login(): Machine {
  let given: string | undefined
  return {
    respond(response) {
      if (response === undefined) return ASK_LOGIN
      if (!isUtf8(response)) return malformed('Expected UTF-8')
      const text = response.toString('utf8')
      if (given !== undefined) return judge(given, text)
      if (text === '') return malformed('Expected a login')
      given = text
      return ASK_PASSWORD
    },
  }
}

function judge(given: string, password: string): Turn {
  const name = prepareName(given)
  if (name === undefined) return refused('no such login can be')
  if (name.length > MAX_NAME || password.length > MAX_SECRET) return refused('too long')
  return { kind: 'check', credentials: { kind: 'password', mechanism: 'LOGIN', login: name, password } }
}
