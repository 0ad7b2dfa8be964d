/** `text`: a text of the message by regular expression. */
import { PLACES, type Place } from '../facts.js'
import { MATCHES } from './keys.js'
import type { Kind } from './kind.js'
import { type Pattern, readPattern, runGuarded } from './matches.js'

type RawText = { readonly text: Place; readonly matches?: string }

interface Text {
  readonly place: Place
  readonly pattern: Pattern
}

export const text: Kind<Text, RawText> = {
  name: 'text',
  cost: 3,
  key: { type: 'string', enum: PLACES, description: 'what `matches` looks at' },
  companions: { matches: MATCHES },
  read(raw, reader) {
    if (raw.matches === undefined) return reader.wrong(['text'], '"matches" is missing: a regular expression')
    const pattern = readPattern(raw.matches, 'text', reader)
    return pattern === undefined ? undefined : { place: raw.text, pattern }
  },
  prepare: all => ({
    bind:
      ({ place, pattern }) =>
      facts =>
        pattern.exec(facts, facts.text(place)),
    ...runGuarded(
      all,
      ({ pattern }) => pattern,
      ({ place }, facts) => [facts.text(place)],
    ),
  }),
}
