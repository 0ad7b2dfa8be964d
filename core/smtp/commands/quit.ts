/** QUIT (RFC 5321 §4.1.1.10): the reply, then we close. */
import { REPLY } from '../replies.js'
import { bind, readNothing } from './command.js'

export const quit = bind({
  verb: 'QUIT',
  usage: 'QUIT',
  read: readNothing,
  run(talk) {
    talk.end ??= 'quit'
    return REPLY.bye
  },
})
