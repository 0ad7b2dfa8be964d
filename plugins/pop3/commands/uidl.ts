/** UIDL [message] (RFC 1939 §7). The id is `<UIDVALIDITY>-<UID>`: stable over sessions and restarts, never used twice. */
import { no, ok } from '../answer.js'
import { type Command, readOptionalNumber } from '../command.js'
import type { Maildrop } from '../maildrop.js'

export const uidl: Command<number | undefined> = {
  name: 'UIDL',
  states: ['transaction'],
  read: readOptionalNumber,
  run({ maildrop, texts }, number) {
    if (number === undefined) return { kind: 'list', text: texts.uniqueIds, lines: scan(maildrop) }
    const listed = maildrop.at(number)
    return listed === undefined ? no(texts.noSuchMessage) : ok(`${listed.number} ${listed.uniqueId}`)
  },
  capabilities: () => ['UIDL'],
}

function* scan(maildrop: Maildrop): Generator<string> {
  for (const { number, uniqueId } of maildrop.list()) yield `${number} ${uniqueId}`
}
