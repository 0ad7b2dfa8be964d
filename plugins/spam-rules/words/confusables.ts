/**
 * Which Latin letters a character may be meant for: the table of Unicode (rules/look-alikes/confusables.txt, its terms beside it), as far as
 * it leads to plain letters, and what people write for letters besides: digits, money signs, brackets.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../package-folder.js'

/** Character → plain letters, as they look: `В` (Cyrillic) → `B`. */
export type Looks = ReadonlyMap<string, string>

/** Small capitals, most of which Unicode's table does not list: to it they are letters of their own. */
const SMALL_CAPITALS = pairs('ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz')
const PLAIN = /^[A-Za-z]{1,3}$/

/** Takes the compact form: lines of `prototype source source…` in hexadecimal. */
function readLooks(compact: string): Looks {
  const looks = new Map<string, string>(SMALL_CAPITALS)
  for (const line of compact.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [prototype = '', ...sources] = line.split(' ')
    const letters = characters(prototype)
    if (!PLAIN.test(letters)) continue
    for (const source of sources) {
      const character = characters(source)
      if (character > '\x7f') looks.set(character, letters)
    }
  }
  return looks
}

let shipped: Looks | undefined

/** Read once: rule sets come and go with reloads. */
export function looksShipped(): Looks {
  shipped ??= readLooks(readFileSync(join(packageFolder(), 'rules/look-alikes/confusables.txt'), 'utf8'))
  return shipped
}

function characters(hexadecimal: string): string {
  return String.fromCodePoint(...hexadecimal.split('_').map(one => Number.parseInt(one, 16)))
}

/** What stands for a letter in "v1@gr@". `1`, `!` and `|` stand for i and l alike: see `canonical`. */
export const SIGNS: ReadonlyMap<string, string> = new Map([
  ...pairs('0o 1i 2z 3e 4a 5s 6g 7t 8b 9g'),
  ...pairs('@a $s !i |i +t €e £l ¡i ¢c ©c ®r ¥y µu §s ¦i ×x Øo øo'),
])

/** Latin letters in a Cyrillic word, as they look there. */
export const CYRILLIC_LOOKS: ReadonlyMap<string, string> = new Map([
  ...pairs('aа cс eе oо pр xх yу kк ёе'),
  ...pairs('AА BВ CС EЕ HН KК MМ OО PР TТ XХ YУ'),
  ...pairs('0о 3з 4ч 6б @а'),
])

function pairs(list: string): [string, string][] {
  return list.split(' ').map(pair => [[...pair][0]!, [...pair][1]!])
}

/** What words have in common that can be taken for each other: i, l and 1 are one, vv is w. */
export function canonical(word: string): string {
  return word.replaceAll('l', 'i').replaceAll('vv', 'w')
}

/** Without doubled letters. */
export function squeezed(canonicalWord: string): string {
  let out = ''
  for (let at = 0; at < canonicalWord.length; at++) {
    if (canonicalWord[at] !== canonicalWord[at - 1]) out += canonicalWord[at]
  }
  return out
}
