/** `text`: a text of the message by regular expression. */
import { PLACES, type Place } from '../facts.js'
import { MATCHES } from './keys.js'
import { foundOr, type Kind } from './kind.js'
import { readPattern } from './matches.js'

type RawText = { readonly text: Place; readonly matches?: string }

interface Text {
  readonly place: Place
  readonly matches: RegExp
}

export const text: Kind<Text, RawText> = {
  name: 'text',
  key: { type: 'string', enum: PLACES, description: 'what `matches` looks at' },
  companions: { matches: MATCHES },
  read(raw, reader) {
    if (raw.matches === undefined) return reader.wrong(['text'], '"matches" is missing: a regular expression')
    const matches = readPattern(raw.matches, 'text', reader)
    return matches === undefined ? undefined : { place: raw.text, matches }
  },
  prepare: () => ({
    bind:
      ({ place, matches }) =>
      facts =>
        foundOr(matches.exec(facts.text(place))?.[0]),
  }),
}
