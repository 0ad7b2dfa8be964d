/**
 * AUTHENTICATE (RFC 3501 §6.2.2) with PLAIN (RFC 4616), with or without the first response in the command (SASL-IR, RFC 4959).
 */
import { bad, type Done, no, type Standing } from '../answer.js'
import { command } from '../command.js'
import { logIn, tlsFirst } from '../login.js'
import type { Session } from '../session.js'
import type { Reader } from '../wire/reader.js'

export interface AuthenticateArgs {
  /** Upper case. */
  readonly mechanism: string
  /** Base64 as sent; `=` is an empty response (RFC 4959 §3). */
  readonly initial?: string
}

export const authenticate = command({
  name: 'AUTHENTICATE',
  states: ['not-authenticated'],
  expunge: 'no',
  capabilities: ({ state, loginAllowed }: Standing) =>
    state === 'not-authenticated' && loginAllowed ? ['AUTH=PLAIN', 'SASL-IR'] : [],
  read(input: Reader): AuthenticateArgs {
    input.space()
    const mechanism = input.need(/[A-Z0-9_-]{1,20}(?= |$)/iy, 'a SASL mechanism').toUpperCase()
    if (input.take(' ') === undefined) return { mechanism }
    return { mechanism, initial: input.need(/(?:=|[A-Za-z0-9+/]+={0,2})$/y, 'a first response in base64') }
  },
  async run(session, { mechanism, initial }) {
    if (mechanism !== 'PLAIN') return no(`The mechanism ${mechanism} is not offered`, 'CANNOT')
    // Before the password is asked for, so that it is not sent in clear.
    const refused = tlsFirst(session)
    if (refused) return refused
    const response = initial ?? (await ask(session))
    return response === '*' ? bad('Authentication cancelled') : plain(session, response === '=' ? '' : response)
  },
})

async function ask(session: Session): Promise<string> {
  await session.sayNow('+ ')
  return session.line()
}

async function plain(session: Session, response: string): Promise<Done> {
  const message = readPlain(response)
  if (!message) return bad('Expected base64 of a name, a login and a password with NUL between them')
  const { actFor, login, password } = message
  // RFC 4616 §2: acting for somebody else would need a right nobody has here.
  if (actFor !== '' && actFor !== login) return no('You may not act for somebody else', 'AUTHORIZATIONFAILED')
  return logIn(session, { kind: 'password', mechanism: 'PLAIN', login, password })
}

export interface PlainMessage {
  readonly actFor: string
  readonly login: string
  readonly password: string
}

/** RFC 4616 §2: `[authzid] NUL authcid NUL passwd`, UTF-8. */
export function readPlain(base64: string): PlainMessage | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 === 1) return undefined
  const parts = Buffer.from(base64, 'base64').toString('utf8').split('\0')
  const [actFor, login, password] = parts
  if (parts.length !== 3 || actFor === undefined || !login || password === undefined) return undefined
  return { actFor, login, password }
}
