/** RSET (RFC 1939 §5): takes all marks back. */
import { ok } from '../answer.js'
import { type Command, readNothing } from '../command.js'

export const rset: Command<undefined> = {
  name: 'RSET',
  states: ['transaction'],
  read: readNothing,
  run({ maildrop }) {
    maildrop.unmarkAll()
    return ok(`${maildrop.count} messages`)
  },
}
