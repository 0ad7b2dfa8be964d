/** RETR message (RFC 1939 §5): the octets as stored (without UTF8, with a header in ASCII), in pieces, so that no message is ever in memory whole. Flags stay as they are. */
import type { MailEntry } from 'posthouse/api'
import { no } from '../answer.js'
import { type Command, readMessageNumber, readNothing } from '../command.js'
import type { Maildrop } from '../maildrop.js'

const PIECE = 64 * 1024

export const retr: Command<number> = {
  name: 'RETR',
  states: ['transaction'],
  read(input) {
    const number = readMessageNumber(input)
    readNothing(input)
    return number
  },
  async run(session, number) {
    const { maildrop, texts } = session
    if (maildrop.at(number) === undefined) return no(texts.noSuchMessage)
    const entry = await maildrop.entry(number)
    if (entry === undefined) return no(texts.messageGone)
    return { kind: 'message', text: texts.octets(entry.size), chunks: session.shown(pieces(maildrop, entry)) }
  },
}

export async function* pieces(maildrop: Maildrop, entry: MailEntry): AsyncGenerator<Buffer> {
  for (let from = 0; from < entry.size; from += PIECE) {
    yield await maildrop.read(entry, from, Math.min(entry.size, from + PIECE))
  }
}
