/**
 * What a kind of condition is. One file in this folder per kind, one line in table.ts; reading, the schema and evaluation know none by name.
 *
 * A kind reads what stands in a rule file into data of its own (`read`), and makes of all of its conditions in a rule set the tests that
 * messages are put to (`prepare`), so that what is searched for by many rules is searched for once. A test is synchronous and bounded; what
 * cannot be promised to be, is found out beforehand (`before`). It says the same of a message whenever and by whomever it is asked, unless it is
 * `late`: rules that have the same condition share one answer.
 */
import type { JsonSchema, YamlPath } from 'posthouse/api'
import type { Facts } from '../facts.js'
import type { Guard } from '../guard.js'

/** What a condition makes of a message; nothing: it does not hold. */
export type Outcome = Found | Unknown | undefined

export interface Found {
  readonly kind: 'found'
  /** What was found, for `{found}`; as it stands in the mail, not yet made printable. '' where there is nothing to show. */
  readonly text: string
  /** More of it than the sentence has room for. */
  readonly evidence?: readonly string[]
  /** Where one condition weighs what it finds: times the rule's points. */
  readonly times?: number
}

/** It could not be known: the rule gives no points and says so. */
export interface Unknown {
  readonly kind: 'unknown'
  readonly why: string
}

export type Test = (facts: Facts) => Outcome

/** As it stands in the file; it has passed the schema. */
export type Raw = Readonly<Record<string, unknown>>

/** A condition that has been read: which kind it is of, and what that kind made of it. */
export interface Condition {
  readonly kind: Kind
  readonly own: unknown
}

export interface Kind<Own = unknown, R = Raw> {
  /** Its key in rule files: `words`. */
  readonly name: string
  /** What may stand there. */
  readonly key: JsonSchema
  /** Further keys beside it. Kinds that share one share its schema (keys.ts). */
  readonly companions: Readonly<Record<string, JsonSchema>>
  /** Nothing when there are faults, which have been told to `reader`. */
  read(raw: R, reader: Reader): Own | undefined
  /** It looks at findings: rules with such a condition are asked when all of them are there. */
  readonly late?: boolean
  /** What a test costs, roughly: `all` and `any` ask the cheap ones first. Left out: of those inside the dearest, or 1. */
  readonly cost?: 0 | 1 | 2 | 3
  /** Conditions inside of this one. */
  inner?(own: Own): readonly Condition[]
  /** How many of those must hold for it to hold; left out: perhaps none. */
  readonly joins?: 'all' | 'any'
  /** `all`: every condition of this kind in the rule set. `bind` may be called once all kinds are prepared, so within `test` or `bind` only. */
  prepare(all: readonly Own[], bind: (condition: Condition) => Test): Prepared<Own>
}

export interface Prepared<Own> {
  bind(own: Own): Test
  /** Finds out what tests will ask `facts` for and cannot wait for. */
  before?(facts: Facts): Promise<void>
  /** Those that may hold, told for all at once: no other does. Left out: each has to be asked. */
  mayHold?(facts: Facts): Iterable<Own>
}

/** What a kind has at hand while it reads one condition. */
export interface Reader {
  readonly lists: ReadonlyMap<string, ReadonlySet<string>>
  /** The file comes with Posthouse, and has been looked at by those who made it; an admin's own may hold anything. */
  readonly trusted: boolean
  /** Runs what may take long. */
  readonly guard: Guard
  /** Notes a fault, at a key of this condition or deeper. */
  wrong(at: YamlPath, message: string): undefined
  /** Reads a condition that stands inside of this one. */
  inner(at: YamlPath, raw: Raw): Condition | undefined
}

export function found(text: string): Found {
  return { kind: 'found', text }
}

/** For tests that only have something to show or nothing. */
export function foundOr(text: string | undefined): Found | undefined {
  return text === undefined ? undefined : { kind: 'found', text }
}
