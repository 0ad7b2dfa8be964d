/** LOGOUT (RFC 3501 §6.1.3): BYE, then the answer, then the end. */
import { ANY, ok } from '../answer.js'
import { command, readNothing } from '../command.js'
import { ConversationOver } from '../input.js'

export const logout = command({
  name: 'LOGOUT',
  states: ANY,
  expunge: 'no',
  read: readNothing,
  async run(session) {
    session.unselect()
    session.say('* BYE Good-bye')
    const after = async () => {
      throw new ConversationOver('logout')
    }
    return { ...ok('Logged out'), after }
  },
})
