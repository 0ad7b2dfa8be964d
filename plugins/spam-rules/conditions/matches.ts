/** The key `matches`: a regular expression that is known to come to an end. */
import { type PatternUse, refusePattern } from '../pattern.js'
import type { Reader } from './kind.js'

export function readPattern(source: string, use: PatternUse, reader: Reader): RegExp | undefined {
  const refused = refusePattern(source, use)
  return refused === undefined ? new RegExp(source, 'iu') : reader.wrong(['matches'], refused)
}
