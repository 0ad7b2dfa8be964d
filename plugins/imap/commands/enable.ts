/**
 * ENABLE (RFC 5161). Nothing there is yet to be enabled; names we do not know are passed over (§3.1), and the answer names those that took effect.
 */
import { LOGGED_IN, ok } from '../answer.js'
import { command } from '../command.js'
import type { Reader } from '../wire/reader.js'

const MOST = 50

export const enable = command({
  name: 'ENABLE',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: () => ['ENABLE'],
  read(input: Reader): readonly string[] {
    const names: string[] = []
    do {
      if (names.length >= MOST) input.refuse(`no more than ${MOST} capabilities`)
      input.space()
      names.push(input.atom('a capability').toUpperCase())
    } while (!input.atEnd)
    return names
  },
  async run(session) {
    session.say('* ENABLED')
    return ok('Nothing of that can be enabled')
  },
})
