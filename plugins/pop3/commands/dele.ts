/** DELE message (RFC 1939 §5): a mark, and nothing more until QUIT. */
import { no, ok } from '../answer.js'
import { type Command, readMessageNumber, readNothing } from '../command.js'

export const dele: Command<number> = {
  name: 'DELE',
  states: ['transaction'],
  read(input) {
    const number = readMessageNumber(input)
    readNothing(input)
    return number
  },
  run({ maildrop, texts }, number) {
    if (maildrop.at(number) === undefined) return no(texts.noSuchMessage)
    maildrop.mark(number)
    return ok(texts.goesWithQuit(number))
  },
}
