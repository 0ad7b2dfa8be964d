/**
 * Arguments of LIST: reference and pattern (RFC 3501 §6.3.8), and in the extended form selection options, several patterns and return options
 * (RFC 5258 §3, §6). An option of a capability that is switched off is unknown, which is BAD (§3).
 */
import type { CapabilityName } from './features.js'
import { readListMailbox, wildcardsIn } from './mailbox.js'
import type { Reader } from './reader.js'

export type Selection = 'SUBSCRIBED' | 'REMOTE' | 'RECURSIVEMATCH' | 'SPECIAL-USE'
export type Return = 'SUBSCRIBED' | 'CHILDREN' | 'SPECIAL-USE' | 'STATUS'

/** Patterns as they are on the wire, in modified UTF-7. */
export interface Patterns {
  readonly reference: string
  /** Without those that are too much for us. */
  readonly patterns: readonly string[]
}

export interface ListArgs<Item> extends Patterns {
  /** RFC 5258 §3: an empty pattern asks for nothing then. */
  readonly extended: boolean
  readonly select: ReadonlySet<Selection>
  readonly returns: ReadonlySet<Return>
  /** What RETURN (STATUS …) asks for. */
  readonly status: readonly Item[]
}

const MOST_PATTERNS = 50
/** Of all patterns together, in their order; what goes beyond is passed over. Matching costs patterns × names. */
const MOST_WILDCARDS = 64
/** Options may come twice (RFC 5258 §3). */
const MOST_OPTIONS = 20

const SELECTIONS: ReadonlyMap<Selection, CapabilityName | undefined> = new Map([
  ['SUBSCRIBED', undefined],
  ['REMOTE', undefined],
  ['RECURSIVEMATCH', undefined],
  ['SPECIAL-USE', 'SPECIAL-USE'],
])

const RETURNS: ReadonlyMap<Return, CapabilityName | undefined> = new Map([
  ['SUBSCRIBED', undefined],
  ['CHILDREN', 'CHILDREN'],
  ['SPECIAL-USE', 'SPECIAL-USE'],
  ['STATUS', 'LIST-STATUS'],
])

/** `readStatus` reads what stands behind STATUS. */
export function readListArgs<Item>(input: Reader, readStatus: (input: Reader) => readonly Item[]): ListArgs<Item> {
  const canExtend = input.can('LIST-EXTENDED')
  input.space()
  const selecting = canExtend && input.peek('(')
  const select = selecting ? readSelection(input) : new Set<Selection>()
  if (selecting) input.space()
  const reference = input.astring('a reference name')
  input.space()
  const several = canExtend && input.peek('(')
  const patterns = several ? readPatterns(input) : readPattern(input)
  const returning = canExtend && input.take(/ RETURN /iy) !== undefined
  const { returns, status } = returning ? readReturns(input, readStatus) : { returns: new Set<Return>(), status: [] }
  return { reference, patterns, extended: selecting || several || returning, select, returns, status }
}

/** LSUB, which was never extended. */
export function readPlainListArgs(input: Reader): Patterns {
  input.space()
  const reference = input.astring('a reference name')
  input.space()
  return { reference, patterns: readPattern(input) }
}

function readPatterns(input: Reader): readonly string[] {
  let wildcards = 0
  return input
    .list(() => readPattern(input), MOST_PATTERNS, 'mailbox patterns')
    .flat()
    .filter(pattern => {
      wildcards += wildcardsIn(pattern)
      return wildcards <= MOST_WILDCARDS
    })
}

function readPattern(input: Reader): readonly string[] {
  const pattern = readListMailbox(input)
  return pattern === undefined ? [] : [pattern]
}

function readSelection(input: Reader): ReadonlySet<Selection> {
  const column = input.column
  const select = new Set(readOptions(input, () => readOption(input, SELECTIONS)))
  // RFC 5258 §6: RECURSIVEMATCH goes with a base option, of which there is one.
  return select.has('RECURSIVEMATCH') && !select.has('SUBSCRIBED')
    ? input.refuseAt(column, 'SUBSCRIBED with RECURSIVEMATCH')
    : select
}

function readReturns<Item>(input: Reader, readStatus: (input: Reader) => readonly Item[]) {
  let status: readonly Item[] = []
  const returns = new Set(
    readOptions(input, () => {
      const option = readOption(input, RETURNS)
      if (option !== 'STATUS') return option
      input.space()
      status = readStatus(input)
      return option
    }),
  )
  return { returns, status }
}

function readOptions<T>(input: Reader, readOne: () => T): readonly T[] {
  return input.take('()') === undefined ? input.list(readOne, MOST_OPTIONS, 'options') : []
}

function readOption<T extends string>(input: Reader, options: ReadonlyMap<T, CapabilityName | undefined>): T {
  const column = input.column
  const name = input.takeAtom()?.toUpperCase()
  const known = [...options].filter(([, of]) => of === undefined || input.can(of)).map(([one]) => one)
  return known.find(one => one === name) ?? input.refuseAt(column, `one of ${known.join(' ')}`)
}
