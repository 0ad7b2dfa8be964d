/** RSET (RFC 5321 §4.1.1.5): ends the transaction; greeting, TLS and login stay. */
import { REPLY } from '../replies.js'
import { bind, readNothing } from './command.js'

export const rset = bind({
  verb: 'RSET',
  usage: 'RSET',
  read: readNothing,
  run(talk) {
    talk.reset()
    return REPLY.flushed
  },
})
