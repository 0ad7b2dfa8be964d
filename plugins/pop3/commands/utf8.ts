/** UTF8 (RFC 6856 §2.1): from now on messages come as they are stored, and not with a header in ASCII. */
import { ok } from '../answer.js'
import { type Command, readNothing } from '../command.js'

export const utf8: Command<undefined> = {
  name: 'UTF8',
  states: ['authorization'],
  read: readNothing,
  run(session) {
    session.utf8 = true
    return ok(session.texts.utf8On)
  },
  // §2.2: logins are prepared by SASLprep, so they may be beyond ASCII
  capabilities: () => ['UTF8 USER'],
}
