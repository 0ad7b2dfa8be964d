/** NOOP (RFC 1939 §5). */
import { ok } from '../answer.js'
import { type Command, readNothing } from '../command.js'

export const noop: Command<undefined> = {
  name: 'NOOP',
  states: ['transaction'],
  read: readNothing,
  run: ({ texts }) => ok(texts.noop),
}
