/** STLS (RFC 2595 §4). What came in clear, a USER or pipelined commands, is forgotten with the handshake. */
import { no } from '../answer.js'
import { type Command, readNothing } from '../command.js'

export const stls: Command<undefined> = {
  name: 'STLS',
  states: ['authorization'],
  read: readNothing,
  run(session) {
    if (session.connection.peer.tls !== undefined) return no(session.texts.tlsIsOn)
    // RFC 6856 §2.1
    if (session.utf8) return no(session.texts.tlsBeforeUtf8)
    return session.connection.tlsOffered ? { kind: 'start-tls' } : no(session.texts.tlsNotOffered)
  },
  capabilities: ({ tlsOffered, state }) => (tlsOffered && state === 'authorization' ? ['STLS'] : []),
}
