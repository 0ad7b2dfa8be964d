/** TOP message lines (RFC 1939 §7): the header, the empty line, and so many lines of the body. Reads no more than it needs. */
import { no } from '../answer.js'
import { type Command, readCount, readMessageNumber, readNothing } from '../command.js'
import { pieces } from './retr.js'

interface TopArgs {
  readonly number: number
  readonly lines: number
}

const LF = 10
const CR = 13

export const top: Command<TopArgs> = {
  name: 'TOP',
  states: ['transaction'],
  read(input) {
    const number = readMessageNumber(input)
    const lines = readCount(input, 'a number of lines')
    readNothing(input)
    return { number, lines }
  },
  async run(session, { number, lines }) {
    const { maildrop, texts } = session
    if (maildrop.at(number) === undefined) return no(texts.noSuchMessage)
    const entry = await maildrop.entry(number)
    if (entry === undefined) return no(texts.messageGone)
    return { kind: 'message', text: texts.top, chunks: cutAfter(session.shown(pieces(maildrop, entry)), lines) }
  },
  capabilities: () => ['TOP'],
}

/** Stops after the header's empty line and `lines` more. */
export async function* cutAfter(chunks: AsyncIterable<Buffer>, lines: number): AsyncGenerator<Buffer> {
  let left = lines
  let inHeader = true
  let lineIsEmpty = true
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at++) {
      if (chunk[at] !== LF) {
        if (chunk[at] !== CR) lineIsEmpty = false
        continue
      }
      if (!inHeader) left -= 1
      else if (lineIsEmpty) inHeader = false
      lineIsEmpty = true
      if (!inHeader && left <= 0) {
        yield chunk.subarray(0, at + 1)
        return
      }
    }
    yield chunk
  }
}
