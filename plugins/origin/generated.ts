/**
 * Does a name look as if a machine had drawn it? Letters and digits that take turns, or pairs of letters that hardly any word has. Judged on names of
 * domains and on local parts; README.md says how often that is wrong.
 */

/**
 * How rare each letter is after another, in whole bits, 9 for all that is rarer: row by first letter. Reckoned from 13,000 words that stand in at least
 * three honest mails of two sets: the SpamAssassin public corpus (public domain, CC0 claimed) and public mailing lists of 2019-21.
 */
const BITS: readonly string[] = [
  '84348757496342949332556858', // a
  '35662887378267279346389869', // b
  '39573993393478279453499969', // c
  '36651867288566379446467959', // d
  '46425567698443757224756579', // e
  '37772389299377369354497959', // f
  '37782743399463469346388868', // g
  '27762798299656289464496957', // h
  '45344549997441359533849796', // i
  '29662779495679267756279699', // j
  '36961656299575469625496959', // k
  '37752789297378379844469939', // l
  '24672787298747339847488869', // m
  '47333528385775479732559868', // n
  '55446657686432449244354768', // o
  '28672874398378349244499969', // p
  '58776888788576764555085888', // q
  '27552658396655369534568859', // r
  '47462784396566448632486959', // s
  '38682794299578379344497859', // t
  '44454647497342749333499788', // u
  '27771887299677389768789979', // v
  '27762673297593379437787879', // w
  '47362556299659527553596359', // x
  '35462678387443438524665876', // y
  '29671975299667479975799944', // z
]

const A = 97
const LETTERS = 26
const SHORTEST = 7
const LONGEST = 60
const LEAST_PAIRS = 6

/** Of a label of a domain. */
export function isGeneratedLabel(label: string): boolean {
  return looksGenerated(label, 3, 5.2)
}

/** What people and their programs put into addresses is odder than names of domains: the bar is higher. */
export function isGeneratedLocal(local: string): boolean {
  // What stands behind these is for the machine that made it: `reply+7f3a…`.
  const [name = ''] = local.split(/[+=#]/, 1)
  return looksGenerated(name, 4, 5.6)
}

function looksGenerated(name: string, turns: number, bits: number): boolean {
  if (name.length < SHORTEST || name.length > LONGEST || name.startsWith('xn--')) return false
  const { pairs, sum, changes } = measured(name.toLowerCase())
  return changes >= turns || (pairs >= LEAST_PAIRS && sum / pairs >= bits)
}

function measured(name: string): { readonly pairs: number; readonly sum: number; readonly changes: number } {
  let [pairs, sum, changes] = [0, 0, 0]
  for (let at = 1; at < name.length; at++) {
    const [before, here] = [name.charCodeAt(at - 1) - A, name.charCodeAt(at) - A]
    if (isLetter(before) && isLetter(here)) {
      pairs++
      sum += BITS[before]!.charCodeAt(here) - 48
    } else if ((isLetter(before) && isDigit(here)) || (isDigit(before) && isLetter(here))) changes++
  }
  return { pairs, sum, changes }
}

function isLetter(code: number): boolean {
  return code >= 0 && code < LETTERS
}

function isDigit(code: number): boolean {
  return code >= 48 - A && code <= 57 - A
}
