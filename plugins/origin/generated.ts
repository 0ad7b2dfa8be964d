/**
 * Does a name look as if a machine had drawn it? Letters and digits that take turns, or pairs of letters that hardly any word has. Judged on names of
 * domains and on local parts; README.md says how often that is wrong.
 */

/**
 * How rare each letter is after another, in whole bits, 9 for all that is rarer: row by first letter. Reckoned from 13,000 words that stand in at least
 * three honest mails of two sets: the SpamAssassin public corpus (public domain, CC0 claimed) and public mailing lists of 2019-21. These are
 * English for the most part: pairs that names of other tongues are made of (Polish `sz`, Czech `vr`, Pinyin `zh`, Dutch `ij`) have been set to 4 or 5
 * by hand, as nobody shall pay for being called Szczygieł. All domains that were found in spam are found still.
 */
const BITS: readonly string[] = [
  '84348757496342949332556858', // a
  '35662887348267279346389869', // b
  '39573993393478279453499964', // c
  '36651867258566379446467954', // d
  '46425567698443757224756579', // e
  '37772389295377369354497959', // f
  '37782743399463469346385868', // g
  '27762798249655289464496957', // h
  '45344549947441355533449796', // i
  '29552779494655267756279695', // j
  '36961656249575469425495955', // k
  '37752789257378379844469939', // l
  '24672787298545339847488869', // m
  '47333525355775479732559868', // n
  '55446657686432449244354768', // o
  '28672574395375349244499969', // p
  '58776888488576764555085888', // q
  '27552658356655369534568854', // r
  '47462784356564448632446954', // s
  '38682794249578379344457859', // t
  '44454647457342549333499744', // u
  '27751887295575389558789979', // v
  '27462673297593379437787879', // w
  '47362556299659527553496359', // x
  '35452648354443438524665874', // y
  '24441954294444459555794944', // z
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
