/**
 * Does a name look as if a machine had drawn it? Letters and digits that take turns, or letters in rows that no language has. Judged on
 * labels of domains and on local parts; README.md of the plugin origin says how often that is wrong.
 */
import { oddness } from './letter-model.js'

const SHORTEST = 7
const LONGEST = 60
/** Shorter rows of letters are abbreviations as often as not. */
const LEAST_LETTERS = 7

interface Bar {
  /** So often letters and digits may take turns. */
  readonly turns: number
  readonly bits: number
}

const LABEL: Bar = { turns: 3, bits: 6.1 }
/** What people and their programs put into addresses is odder than names of domains. */
const LOCAL: Bar = { turns: 4, bits: 6.3 }

/** Of a label of a domain. */
export function isDrawnLabel(label: string): boolean {
  return !label.startsWith('xn--') && looksDrawn(label, LABEL)
}

/** Of the part of an address before the `@`. */
export function isDrawnLocal(local: string): boolean {
  // What stands behind these is for the machine that made it: `reply+7f3a…`.
  const [name = ''] = local.split(/[+=#]/, 1)
  return looksDrawn(name, LOCAL)
}

function looksDrawn(name: string, { turns, bits }: Bar): boolean {
  if (name.length < SHORTEST || name.length > LONGEST) return false
  if ((name.match(/[a-z](?=\d)|\d(?=[a-z])/gi)?.length ?? 0) >= turns) return true
  const rows = name.match(/[a-z]+/gi) ?? []
  return rows.some(row => row.length >= LEAST_LETTERS && oddness(row, bits) >= bits)
}
