/** `field`: a header field by regular expression, by how often it is there, or by not being there. */
import type { Facts } from '../facts.js'
import { Shape } from '../structure/shape.js'
import { AT_LEAST, MATCHES } from './keys.js'
import { found, foundOr, type Kind, type Outcome, type Reader } from './kind.js'
import { type Pattern, readPattern, runGuarded } from './matches.js'

type RawField = {
  readonly field: string
  readonly matches?: string
  readonly missing?: boolean
  readonly at_least?: number
}

interface Field {
  readonly name: string
  readonly missing: boolean
  readonly atLeast: number
  readonly pattern?: Pattern
}

const INPUT = 1000
const FIELDS_OF_ONE_NAME = 20

export const field: Kind<Field, RawField> = {
  name: 'field',
  cost: 1,
  key: { type: 'string', pattern: '^[A-Za-z0-9-]+$', description: 'name of a header field' },
  companions: {
    matches: MATCHES,
    missing: { type: 'boolean', description: 'the field must not be there' },
    at_least: AT_LEAST,
  },
  read: readField,
  prepare: all => ({
    bind: testOf,
    mayHold: facts => {
      const shape = Shape.of(facts)
      return all.filter(({ name, missing }) => shape.has(name) !== missing)
    },
    ...runGuarded(all, ({ pattern }) => pattern, inputsOf),
  }),
}

function testOf(own: Field): (facts: Facts) => Outcome {
  const { name, missing, atLeast, pattern } = own
  return facts => {
    const values = facts.fields(name)
    if (missing) return values.length === 0 ? found(`no ${name}`) : undefined
    if (pattern === undefined) {
      if (values.length < atLeast) return undefined
      return atLeast > 1 ? found(`${values.length} times ${name}`) : foundOr(values[0])
    }
    let matching = 0
    for (const input of inputsOf(own, facts)) {
      const outcome = pattern.exec(facts, input)
      if (outcome?.kind === 'unknown' || (outcome !== undefined && ++matching >= atLeast)) return outcome
    }
    return undefined
  }
}

function inputsOf({ name }: Field, facts: Facts): readonly string[] {
  return facts
    .fields(name)
    .slice(0, FIELDS_OF_ONE_NAME)
    .map(value => value.slice(0, INPUT))
}

function readField(raw: RawField, reader: Reader): Field | undefined {
  const name = raw.field.toLowerCase()
  const atLeast = raw.at_least ?? 1
  if (raw.missing === true) {
    if (raw.matches !== undefined) return reader.wrong(['matches'], 'a missing field matches nothing')
    if (raw.at_least !== undefined) return reader.wrong(['at_least'], 'a missing field is not there at all')
    return { name, missing: true, atLeast }
  }
  if (raw.matches === undefined) return { name, missing: false, atLeast }
  const pattern = readPattern(raw.matches, 'field', reader)
  return pattern === undefined ? undefined : { name, missing: false, atLeast, pattern }
}
