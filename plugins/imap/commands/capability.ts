/** CAPABILITY (RFC 3501 §6.1.1): what can be done as things stand. */
import { ANY, ok } from '../answer.js'
import { command, readNothing } from '../command.js'

export const capability = command({
  name: 'CAPABILITY',
  states: ANY,
  expunge: 'yes',
  read: readNothing,
  async run(session) {
    session.say(`* CAPABILITY ${session.capabilities.join(' ')}`)
    return ok('That is all')
  },
})
