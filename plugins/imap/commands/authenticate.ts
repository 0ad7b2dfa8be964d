/**
 * AUTHENTICATE (RFC 3501 §6.2.2), with or without the first response in the command (SASL-IR, RFC 4959): carries the exchange of a
 * mechanism over the connection. Core's authenticator runs it and knows which mechanisms there are.
 */
import { carrySasl } from 'posthouse/api'
import { bad, no, type Standing } from '../answer.js'
import { command } from '../command.js'
import { conclude, tlsFirst } from '../login.js'
import type { Reader } from '../wire/reader.js'

export interface AuthenticateArgs {
  /** Upper case. */
  readonly mechanism: string
  /** Base64 as sent; `=` is an empty response (RFC 4959 §3). */
  readonly initial?: string
}

function mayLogIn({ state, loginAllowed }: Standing): boolean {
  return state === 'not-authenticated' && loginAllowed
}

export const authenticate = command({
  name: 'AUTHENTICATE',
  states: ['not-authenticated'],
  expunge: 'no',
  capabilities: [
    { name: 'AUTH=', when: mayLogIn, said: ({ mechanisms }) => mechanisms.map(name => `AUTH=${name}`) },
    { name: 'SASL-IR', when: mayLogIn },
  ],
  read(input: Reader): AuthenticateArgs {
    input.space()
    const mechanism = input.need(/[A-Z0-9_-]{1,20}(?= |$)/iy, 'a SASL mechanism').toUpperCase()
    if (!input.can('SASL-IR') || input.take(' ') === undefined) return { mechanism }
    return { mechanism, initial: input.need(/(?:=|[A-Za-z0-9+/]+={0,2})$/y, 'a first response in base64') }
  },
  async run(session, { mechanism, initial }) {
    // Before anything is asked for, so that nothing is sent in clear.
    const refused = tlsFirst(session)
    if (refused) return refused
    const { peer, binding, signal } = session.connection
    const wish = { peer, mechanism, binding, clear: session.standing.loginAllowed, signal }
    const exchange = session.deps.authenticator.start(wish)
    if (exchange === undefined) return no(`The mechanism ${mechanism} is not offered`, 'CANNOT')
    // RFC 3501 §6.2.2
    const step = await carrySasl(exchange, initial, async challenge => {
      await session.sayNow(`+ ${challenge}`)
      return session.line()
    })
    switch (step.kind) {
      case 'broken':
      case 'malformed':
        return bad(step.text)
      case 'done':
        return conclude(session, { login: step.account.login, mechanism }, step.account)
      default:
        return conclude(session, { login: exchange.login ?? '', mechanism }, step)
    }
  },
})
