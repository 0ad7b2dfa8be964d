/** AUTH mechanism [initial-response] (RFC 5034) with PLAIN (RFC 4616); AUTH alone lists the mechanisms. */
import { type Answer, no } from '../answer.js'
import type { Command } from '../command.js'
import { readNothing } from '../command.js'
import { logIn, tlsFirst } from '../login.js'
import type { Session } from '../session.js'

interface AuthArgs {
  readonly mechanism?: string
  /** Base64, or `=` for an empty one. */
  readonly initial?: string
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export const auth: Command<AuthArgs> = {
  name: 'AUTH',
  states: ['authorization'],
  read(input) {
    if (!input.peek(/ {1,9}[^ ]/)) return readNothing(input) ?? {}
    input.need(/ {1,9}/, 'a space')
    const mechanism = input.need(/[A-Za-z0-9_-]{1,20}/, 'a mechanism').toUpperCase()
    if (!input.peek(/ {1,9}[^ ]/)) return readNothing(input) ?? { mechanism }
    input.need(/ {1,9}/, 'a space')
    const initial = input.need(/=|[A-Za-z0-9+/=]+/, 'an initial response in base64')
    return readNothing(input) ?? { mechanism, initial }
  },
  run(session, { mechanism, initial }) {
    if (mechanism === undefined) return mechanisms(session)
    if (mechanism !== 'PLAIN') return no('Unknown mechanism, we have PLAIN')
    return tlsFirst(session) ?? plain(session, initial)
  },
  capabilities: ({ loginAllowed, state }) => (loginAllowed && state === 'authorization' ? ['SASL PLAIN'] : []),
}

function mechanisms(session: Session): Answer {
  return { kind: 'list', text: 'Mechanisms follow', lines: session.standing.loginAllowed ? ['PLAIN'] : [] }
}

async function plain(session: Session, initial: string | undefined): Promise<Answer> {
  const response = initial ?? (await session.challenge(''))?.toString('latin1')
  if (response === undefined) return no('The response is too long')
  // RFC 5034 §4
  if (response === '*') return no('Cancelled')
  const said = readPlain(response === '=' ? '' : response)
  if (said === undefined) return no('Not a PLAIN response in base64')
  // RFC 4616 §2: we let nobody act for another.
  if (said.actFor !== '' && said.actFor !== said.login) return no('Acting for another is not possible', 'AUTH')
  return logIn(session, { kind: 'password', mechanism: 'PLAIN', login: said.login, password: said.password })
}

interface PlainResponse {
  readonly actFor: string
  readonly login: string
  readonly password: string
}

/** authzid NUL authcid NUL passwd */
export function readPlain(base64: string): PlainResponse | undefined {
  if (!BASE64.test(base64)) return undefined
  const [actFor, login, password, ...more] = Buffer.from(base64, 'base64').toString().split('\0')
  if (actFor === undefined || !login || !password || more.length > 0) return undefined
  return { actFor, login, password }
}
