/** STLS (RFC 2595 §4). What came in clear, a USER or pipelined commands, is forgotten with the handshake. */
import { no } from '../answer.js'
import { type Command, readNothing } from '../command.js'

export const stls: Command<undefined> = {
  name: 'STLS',
  states: ['authorization'],
  read: readNothing,
  run(session) {
    if (session.connection.peer.tls !== undefined) return no('TLS is on already')
    return session.connection.tlsOffered ? { kind: 'start-tls' } : no('TLS is not offered here')
  },
  capabilities: ({ tlsOffered, state }) => (tlsOffered && state === 'authorization' ? ['STLS'] : []),
}
