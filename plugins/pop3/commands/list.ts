/** LIST [message] (RFC 1939 §5). */
import { no, ok } from '../answer.js'
import { type Command, readOptionalNumber } from '../command.js'
import type { Maildrop } from '../maildrop.js'

export const list: Command<number | undefined> = {
  name: 'LIST',
  states: ['transaction'],
  read: readOptionalNumber,
  run({ maildrop, texts }, number) {
    if (number === undefined) return { kind: 'list', text: texts.messages(maildrop.count), lines: scan(maildrop) }
    const listed = maildrop.at(number)
    return listed === undefined ? no(texts.noSuchMessage) : ok(`${listed.number} ${listed.size}`)
  },
}

function* scan(maildrop: Maildrop): Generator<string> {
  for (const { number, size } of maildrop.list()) yield `${number} ${size}`
}
