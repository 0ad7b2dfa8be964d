/** PLAIN (RFC 4616): authorisation id, NUL, login, NUL, password in one response. */
import { isUtf8 } from 'node:buffer'
import { prepareName } from '../text/index.js'
import { challenge, MAX_NAME, MAX_SECRET, type Machine, malformed, refused, type Turn } from './mechanism.js'

const SHAPE = 'Expected a name, a login and a password with NUL between them'

export interface PlainMessage {
  readonly actFor: string
  readonly login: string
  readonly password: string
}

/** RFC 4616 §2; `undefined` when it is not that. */
export function readPlain(response: Buffer): PlainMessage | undefined {
  if (!isUtf8(response)) return undefined
  const parts = response.toString('utf8').split('\0', 4)
  const [actFor, login, password] = parts
  return parts.length === 3 && actFor !== undefined && login && password ? { actFor, login, password } : undefined
}

export function plain(): Machine {
  return {
    respond(response) {
      return response === undefined ? challenge('') : judge(readPlain(response))
    },
  }
}

function judge(message: PlainMessage | undefined): Turn {
  if (message === undefined) return malformed(SHAPE)
  const { actFor, password } = message
  const login = prepareName(message.login)
  if (login === undefined) return refused('no such login can be')
  if (login.length > MAX_NAME || password.length > MAX_SECRET) return refused('too long')
  // RFC 4616 §2: acting for somebody else would need a right that nobody has here.
  if (actFor !== '' && prepareName(actFor) !== login) return refused('wants to act for another')
  return { kind: 'check', credentials: { kind: 'password', mechanism: 'PLAIN', login, password } }
}
