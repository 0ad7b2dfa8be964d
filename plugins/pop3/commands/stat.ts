/** STAT (RFC 1939 §5): how many and how large, without those marked for deletion. */
import { ok } from '../answer.js'
import { type Command, readNothing } from '../command.js'

export const stat: Command<undefined> = {
  name: 'STAT',
  states: ['transaction'],
  read: readNothing,
  run: ({ maildrop }) => ok(`${maildrop.count} ${maildrop.octets}`),
}
