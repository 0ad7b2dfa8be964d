/** `RETURN (MIN MAX ALL COUNT SAVE)` of SEARCH and SORT (RFC 4731 §3.1, RFC 5267 §3, RFC 5182 §2). */
import { ReadError, type Reader } from './reader.js'

export type ReturnOption = 'min' | 'max' | 'all' | 'count' | 'save'

const NAMES: readonly ReturnOption[] = ['min', 'max', 'all', 'count', 'save']
const NAME = /[A-Z]+/iy

/** With the space behind it; `undefined` where there is none. */
export function takeReturn(input: Reader, may: { readonly save: boolean }): ReadonlySet<ReturnOption> | undefined {
  if (input.take(/RETURN(?= )/iy) === undefined) return undefined
  input.space()
  const options = input.take('()') === undefined ? input.list(() => readOption(input, may), 20, 'what to return') : []
  input.space()
  // RFC 4731 §3.1: an empty list asks for ALL.
  return new Set(options.length === 0 ? ['all'] : options)
}

function readOption(input: Reader, may: { readonly save: boolean }): ReturnOption {
  const { column } = input
  const name = input.need(NAME, 'what to return').toLowerCase()
  const option = NAMES.find(one => one === name)
  if (option === undefined || (option === 'save' && !may.save))
    throw new ReadError(column, `one of MIN MAX ALL COUNT${may.save ? ' SAVE' : ''}`)
  return option
}
