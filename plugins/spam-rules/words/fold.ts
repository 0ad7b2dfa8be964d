/**
 * Text made comparable: one case, no accents, words parted by single spaces and a space at both ends. Phrases and messages go
 * through the same door, so that both come out alike. What is beyond ASCII is folded run by run, and runs come again: they are
 * remembered. Scripts without spaces between words (Han, kana, Thai …) keep their rows whole, apart from their neighbours.
 */

const SPACE = 32
const NO_CHARACTER = 0
/** ASCII → what becomes of it: itself in small, a gap between words, or nothing. What means something in spam besides letters and digits: money, shares. */
const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code).toLowerCase()
  return /[a-z0-9$%]/.test(character) ? character.charCodeAt(0) : /['`]/.test(character) ? NO_CHARACTER : SPACE
})
const BEYOND_ASCII = /[^\x00-\x7f]+/g
const ANY_BEYOND_ASCII = /[^\x00-\x7f]/
const GAPS = /[^\p{L}\p{N}\p{M}$%€£¥₿]+/gu
/** Accents and points, but no vowel signs: those of Indian and Thai script are letters to their readers. */
const MARKS = new RegExp(
  `[${['\\u0300-\\u036f', '\\u0483-\\u0489', '\\u0591-\\u05c7', '\\u0610-\\u061a', '\\u064b-\\u065f', '\\u06d6-\\u06ed'].join('')}` +
    `${['\\u1ab0-\\u1aff', '\\u1dc0-\\u1dff', '\\u20d0-\\u20ff', '\\ufe20-\\ufe2f'].join('')}]+`,
  'g',
)
/** Nothing to see: zero width, joiners, direction, soft hyphen, variation, byte order. And what stands for an apostrophe. */
const NOTHING = /[\p{Default_Ignorable_Code_Point}\u2018\u2019\u02bc\u00b4]+/gu
/** One character for a whole Arabic blessing, 18 and 8 when taken apart: a text of them would grow to as many times its length. */
const BLESSINGS = /[\ufdfa\ufdfb]+/g
const LETTERS: ReadonlyMap<string, string> = new Map(
  Object.entries({ ß: 'ss', ı: 'i', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', æ: 'ae', œ: 'oe' }),
)
const SPECIAL = /[ßıøłđðþæœ]/g
const UNSPACED_ROW =
  /(?:[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u31ff\u3400-\ua4cf\uf900-\ufaff]|[\ud840-\ud888][\udc00-\udfff])+/g
/** "代 开 发 票": Chinese and Japanese have no spaces, so the one between two characters is dressing up, or a line's end. */
const SPACE_BETWEEN = /(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])/g
const REMEMBERED = 20_000
/** Room for most texts, taken once: what is folded is written there first. */
const USUAL = 256 * 1024
/** Longer runs hardly come twice. */
const LONGEST_REMEMBERED = 12

const known = new Map<string, string>()
let octets: Buffer | undefined
let wide: Uint16Array | undefined

/** What comes out is one piece of memory, not a chain of pieces: it is read character by character. */
export function fold(text: string): string {
  if (!ANY_BEYOND_ASCII.test(text)) return narrow(text)!
  const plain = text.toLowerCase().replace(BEYOND_ASCII, foldedRun)
  return (narrow(plain) ?? wideWords(plain)).replace(SPACE_BETWEEN, '')
}

/** Words between single spaces; nothing when there is a character that is none of Latin-1's. */
function narrow(text: string): string | undefined {
  const most = text.length + 2
  octets ??= Buffer.allocUnsafeSlow(USUAL)
  const into = most <= octets.length ? octets : Buffer.allocUnsafeSlow(most)
  into[0] = SPACE
  let to = 1
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const here = code < 128 ? ASCII[code]! : code
    if (here > 255) return undefined
    if (here === NO_CHARACTER || (here === SPACE && into[to - 1] === SPACE)) continue
    into[to++] = here
  }
  // A text without words is the two ends.
  if (to === 1 || into[to - 1] !== SPACE) into[to++] = SPACE
  return into.toString('latin1', 0, to)
}

/** The same for all characters. */
function wideWords(text: string): string {
  const most = text.length + 2
  wide ??= new Uint16Array(USUAL)
  const into = most <= wide.length ? wide : new Uint16Array(most)
  into[0] = SPACE
  let to = 1
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const here = code < 128 ? ASCII[code]! : code
    if (here === NO_CHARACTER || (here === SPACE && into[to - 1] === SPACE)) continue
    into[to++] = here
  }
  if (to === 1 || into[to - 1] !== SPACE) into[to++] = SPACE
  return Buffer.from(into.buffer, 0, to * 2).toString('utf16le')
}

/** Written without spaces between words: every character may begin a phrase. By number, for it is asked of every character. */
export function isUnspaced(code: number): boolean {
  if (code < 0x0e00 || (code >= 0xac00 && code < 0xd840)) return false
  return code <= 0x0eff || code >= 0x2e80 || (code >= 0x1000 && code <= 0x109f) || (code >= 0x1780 && code <= 0x17ff)
}

/** A phrase as it is searched for in folded text. `pharmac*` matches the start of a word. */
export function foldPhrase(phrase: string): string {
  const open = phrase.endsWith('*')
  const folded = fold(open ? phrase.slice(0, -1) : phrase).trim()
  return open || folded === '' || isUnspaced(folded.charCodeAt(folded.length - 1)) ? folded : `${folded} `
}

function foldedRun(run: string): string {
  const there = known.get(run)
  if (there !== undefined) return there
  const folded = foldRun(run)
  if (run.length <= LONGEST_REMEMBERED) {
    if (known.size >= REMEMBERED) known.clear()
    known.set(run, folded)
  }
  return folded
}

function foldRun(run: string): string {
  // ŉ comes apart into an apostrophe and n, when those have been taken out already.
  const bare = run
    .replace(NOTHING, '')
    .replace(BLESSINGS, ' ')
    .replaceAll('ŉ', 'n')
    .normalize('NFKD')
    .replace(MARKS, '')
    .normalize('NFC')
    .toLowerCase()
  return bare
    .replace(SPECIAL, letter => LETTERS.get(letter)!)
    .replace(GAPS, ' ')
    .replace(UNSPACED_ROW, row => ` ${row} `)
}
