/**
 * STARTTLS (RFC 3501 §6.2.1). What the client sent in clear after the command is forgotten, and the state of the session
 * starts anew with the TLS layer: nothing an attacker slipped in before it counts.
 */
import { bad, ok } from '../answer.js'
import { beforeLogin } from '../capability.js'
import { command, readNothing } from '../command.js'
import { ConversationOver } from '../input.js'
import type { Session } from '../session.js'

export const starttls = command({
  name: 'STARTTLS',
  states: ['not-authenticated'],
  expunge: 'no',
  capabilities: [{ name: 'STARTTLS', when: standing => beforeLogin(standing) && standing.tlsOffered && !standing.tls }],
  read: readNothing,
  async run(session) {
    if (session.standing.tls) return bad('TLS is already in use')
    if (!session.connection.tlsOffered) return bad('TLS is not offered here')
    return { ...ok('Begin TLS negotiation now'), after: () => upgrade(session) }
  },
})

async function upgrade(session: Session): Promise<void> {
  session.input.detach()
  await session.connection.startTls().catch((error: unknown) => {
    session.log.info({ error: error instanceof Error ? error.message : String(error) }, 'TLS handshake failed')
    throw new ConversationOver('handshake')
  })
  session.input.attach(session.connection.socket)
  session.output.attach(session.connection.socket)
}
