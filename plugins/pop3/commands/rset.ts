/** RSET (RFC 1939 §5): takes all marks back. */
import { ok } from '../answer.js'
import { type Command, readNothing } from '../command.js'

export const rset: Command<undefined> = {
  name: 'RSET',
  states: ['transaction'],
  read: readNothing,
  run({ maildrop, texts }) {
    maildrop.unmarkAll()
    return ok(texts.messages(maildrop.count))
  },
}
