/**
 * Text made comparable: one case, no accents, words parted by single spaces and a space at both ends. Phrases and messages go
 * through the same door, so that both come out alike. What is beyond ASCII is folded run by run, and runs come again: they are
 * remembered. Scripts without spaces between words (Han, kana, Thai …) keep their rows whole, apart from their neighbours.
 */

// What means something in spam besides letters and digits: money and shares.
const ASCII_GAPS = /[\x00-\x23\x26-\x2f\x3a-\x60\x7b-\x7f]+/g
const APOSTROPHES = /['`]/g
const BEYOND_ASCII = /[^\x00-\x7f]+/g
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
/** Longer runs hardly come twice. */
const LONGEST_REMEMBERED = 12

const known = new Map<string, string>()

/** What comes out is one piece of memory, not a chain of pieces: it is read character by character. */
export function fold(text: string): string {
  const lower = ` ${text} `.toLowerCase()
  const plain = lower.replace(BEYOND_ASCII, foldedRun).replace(APOSTROPHES, '')
  // The spaces at both ends are gaps, too, and take in what stands beside them.
  const words = plain.replace(ASCII_GAPS, ' ')
  if (words === ' ') return '  '
  return plain === lower ? words : words.replace(SPACE_BETWEEN, '')
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
