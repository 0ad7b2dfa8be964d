/**
 * AUTH mechanism [initial-response] (RFC 5034): carries the exchange of a mechanism over the connection; core's authenticator runs it
 * and knows which mechanisms there are. AUTH alone lists them.
 */
import { carrySasl } from 'posthouse/api'
import { type Answer, no, senseless } from '../answer.js'
import type { Command } from '../command.js'
import { readNothing } from '../command.js'
import { conclude, tlsFirst } from '../login.js'
import type { Session } from '../session.js'

interface AuthArgs {
  readonly mechanism?: string
  /** Base64, or `=` for an empty one. */
  readonly initial?: string
}

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
    return tlsFirst(session) ?? authenticate(session, mechanism, initial)
  },
  // RFC 2449 §5, §6.3: announced in both states, though the command belongs to the first.
  capabilities: ({ mechanisms, loginAllowed }) => (loginAllowed ? [`SASL ${mechanisms.join(' ')}`] : []),
}

function mechanisms(session: Session): Answer {
  return { kind: 'list', text: session.texts.mechanisms, lines: session.standing.mechanisms }
}

async function authenticate(session: Session, mechanism: string, initial: string | undefined): Promise<Answer> {
  const { peer, binding, signal } = session.connection
  const wish = { peer, mechanism, binding, clear: session.standing.loginAllowed, signal }
  const exchange = session.deps.authenticator.start(wish)
  if (exchange === undefined) return no(session.texts.unknownMechanism)
  // RFC 5034 §4
  const step = await carrySasl(exchange, initial, async challenge =>
    (await session.challenge(challenge))?.toString('latin1'),
  )
  switch (step.kind) {
    case 'broken':
    case 'malformed':
      return senseless(step.text)
    case 'done':
      return conclude(session, { login: step.account.login, mechanism }, step.account)
    default:
      return conclude(session, { login: exchange.login ?? '', mechanism }, step)
  }
}
