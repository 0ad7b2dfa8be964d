/**
 * COMPRESS (RFC 4978): from the answer on, both directions are DEFLATE. Only after the login, so that no password is ever compressed beside what an
 * attacker chose; TLS compresses nothing here.
 */
import { LOGGED_IN, no, ok } from '../answer.js'
import { afterLogin } from '../capability.js'
import { command } from '../command.js'
import type { Reader } from '../wire/reader.js'

export const compress = command({
  name: 'COMPRESS',
  states: LOGGED_IN,
  expunge: 'yes',
  capabilities: [{ name: 'COMPRESS=DEFLATE', when: afterLogin }],
  needs: 'COMPRESS=DEFLATE',
  read(input: Reader) {
    input.space()
    input.need(/DEFLATE$/iy, 'DEFLATE')
  },
  async run(session) {
    if (session.compressed) return no('The connection is compressed already', 'COMPRESSIONACTIVE')
    return { ...ok('Compressed from here on'), after: async () => session.compress(true) }
  },
})
