/**
 * What may follow the items of FETCH (RFC 4466 §2.4): `(CHANGEDSINCE 17 VANISHED)` of RFC 7162. What cannot stand together is left to the command:
 * it depends on the session.
 */
import { readModseq } from './modseq.js'
import { ReadError, type Reader } from './reader.js'

export interface FetchModifiers {
  /** Only messages that changed after this (RFC 7162 §3.1.4.1). */
  readonly changedSince?: number
  /** … and what was removed after it (§3.2.6). */
  readonly vanished?: boolean
}

const MODIFIER = /CHANGEDSINCE|VANISHED/iy

/** From the space before the parenthesis on. */
export function readFetchModifiers(input: Reader): FetchModifiers {
  if (!input.can('CONDSTORE') || !input.peek(' (')) return {}
  input.space()
  const found = Object.assign({}, ...input.list(() => readModifier(input), 2, 'CHANGEDSINCE or VANISHED'))
  return found as FetchModifiers
}

function readModifier(input: Reader): FetchModifiers {
  const column = input.column
  const name = input.need(MODIFIER, 'CHANGEDSINCE or VANISHED').toUpperCase()
  if (name === 'VANISHED') {
    if (!input.can('QRESYNC')) throw new ReadError(column, 'CHANGEDSINCE')
    return { vanished: true }
  }
  input.space()
  return { changedSince: readModseq(input) }
}
