/** ID (RFC 2971): who we are, and a line in the log of who they say they are. Nothing depends on it. */
import { printable } from 'posthouse/text'
import { ANY, ok } from '../answer.js'
import { command } from '../command.js'
import { ReadError, type Reader, utf8 } from '../wire/reader.js'
import { quote } from '../wire/write.js'

const MOST_PAIRS = 30
const LONGEST_NAME = 30
const LONGEST_VALUE = 1024

export type Pair = readonly [name: string, value: string | undefined]

export const id = command({
  name: 'ID',
  states: ANY,
  expunge: 'yes',
  capabilities: [{ name: 'ID' }],
  needs: 'ID',
  read(input: Reader): readonly Pair[] {
    input.space()
    if (input.take(/NIL/iy) !== undefined || input.take('()') !== undefined) return []
    return input.list(() => readPair(input), MOST_PAIRS, 'pairs of strings')
  },
  async run(session, pairs) {
    const said = pairs.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])).join(' ')
    if (said !== '') session.log.debug({ client: printable(utf8(said), 500) }, 'client told what it is')
    // Strangers need not know the version.
    const version = session.account ? ` "version" ${quote(session.deps.server.version)}` : ''
    session.say(`* ID ("name" "Posthouse"${version})`)
    return ok('Pleased to meet you')
  },
})

/** RFC 2971 §3.3: at most 30 pairs, names of 30 octets, values of 1024. */
function readPair(input: Reader): Pair {
  const column = input.column
  const name = input.string('a string')
  input.space()
  const value = input.nstring()
  if (name.length > LONGEST_NAME) throw new ReadError(column, `a name of at most ${LONGEST_NAME} octets`)
  if ((value?.length ?? 0) > LONGEST_VALUE) throw new ReadError(column, `a value of at most ${LONGEST_VALUE} octets`)
  return [name, value]
}
