/** `field`: a header field by regular expression, by being there or by not being there. */
import { MATCHES } from './keys.js'
import { found, foundOr, type Kind, type Reader } from './kind.js'
import { readPattern } from './matches.js'

type RawField = { readonly field: string; readonly matches?: string; readonly missing?: boolean }

interface Field {
  readonly name: string
  readonly missing: boolean
  readonly matches?: RegExp
}

const INPUT = 1000
const FIELDS_OF_ONE_NAME = 20

export const field: Kind<Field, RawField> = {
  name: 'field',
  key: { type: 'string', pattern: '^[A-Za-z0-9-]+$', description: 'name of a header field' },
  companions: { matches: MATCHES, missing: { type: 'boolean', description: 'the field must not be there' } },
  read: readField,
  prepare: () => ({
    bind:
      ({ name, missing, matches }) =>
      ({ message }) => {
        const values = message.fields(name)
        if (missing) return values.length === 0 ? found(`no ${name}`) : undefined
        if (matches === undefined) return foundOr(values[0])
        for (const value of values.slice(0, FIELDS_OF_ONE_NAME)) {
          const here = matches.exec(value.slice(0, INPUT))
          if (here !== null) return found(here[0])
        }
        return undefined
      },
  }),
}

function readField(raw: RawField, reader: Reader): Field | undefined {
  const name = raw.field.toLowerCase()
  if (raw.missing === true)
    return raw.matches === undefined
      ? { name, missing: true }
      : reader.wrong(['matches'], 'a missing field matches nothing')
  if (raw.matches === undefined) return { name, missing: false }
  const matches = readPattern(raw.matches, 'field', reader)
  return matches === undefined ? undefined : { name, missing: false, matches }
}
