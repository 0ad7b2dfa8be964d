/** Words that are none: drawn letters, words with digits or signs in the place of letters, pieces of code. */
import { codesOf, oddness, oddnessIn } from 'posthouse/text'
import type { Finds } from './dressing.js'
import { isLongWord, wordEnd, wordStart } from './plain-words.js'
import type { Sample } from './sample.js'

/** Of 900 names of people in honest mail of many tongues none has as much; half of what is drawn at random has more. */
const DRAWN_BITS = 6
/** Words, and what is very like them. */
const WORDLIKE_BITS = 4

/** Words of at least eight letters that are of no language we know; other alphabets are left alone. */
export function* gibberish(sample: Sample): Finds {
  for (const word of drawnWords(sample)) if (!isDrawnOut(word) && !isName(word)) yield word
}

/** All at once, and no piece of text is taken out for the others: hardly any word gets so far. */
function drawnWords({ text, long }: Sample): readonly string[] {
  const codes = codesOf(text)
  const drawn: string[] = []
  for (let piece = 0; piece < long.length; piece += 2) {
    const start = wordStart(codes, long[piece]!, long[piece + 1]!)
    const end = wordEnd(codes, start, long[piece + 1]!)
    if (isLongWord(codes, start, end) && oddnessIn(codes, start, end, DRAWN_BITS) >= DRAWN_BITS)
      drawn.push(text.slice(start, end))
  }
  return drawn
}

/** `SoapySDR`, `lastIndexOf`, `NGGYUXQT`: what programmers call things, and codes of coupons and shares. */
function isName(word: string): boolean {
  return /\p{Ll}\p{Lu}|^\p{Lu}+$/u.test(word)
}

/** `Aaaaargh`, `hmmmmmm`, `xxxxxxxx`. */
function isDrawnOut(word: string): boolean {
  return /(.)\1\1/iu.test(word)
}

const DISGUISED =
  /(?<![\p{L}\p{N}@$!|._/+=:-])[a-z]{1,20}(?:[0134578@$!|]{1,2}[a-z]{1,20}){1,4}(?![\p{L}\p{N}@$|_/=-]|[.:+][\p{L}\p{N}])/giu
const MEANT: Readonly<Record<string, string>> = {
  0: 'o',
  1: 'i',
  3: 'e',
  4: 'a',
  5: 's',
  7: 't',
  8: 'b',
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'l',
}
const LEAST_DISGUISED = 5

/** `V1agra`, `acc0unt`: a word once its digits are read as the letters they look like, and one that hardly is without them. */
export function* mangledWords({ text }: Pick<Sample, 'text'>): Finds {
  for (const [written] of text.matchAll(DISGUISED)) {
    if (written.length < LEAST_DISGUISED || /^[0-9a-f]+$/i.test(written)) continue
    const meant = written.toLowerCase().replace(/[^a-z]/g, sign => MEANT[sign]!)
    const pieces = written.split(/[^a-z]+/i)
    // `sha1sum`, `robin@example`: words on both sides, glued.
    if (pieces.every(piece => piece.length >= 3) && /[^a-z0$]/i.test(written)) continue
    if (oddness(meant) < WORDLIKE_BITS) yield written
  }
}

const CODED = /(?<![\p{L}\p{N}+/=_.@-])[A-Za-z0-9+/_-]{14,200}={0,2}(?![\p{L}\p{N}+/=_.@-])/gu
const TURNS = /[a-z](?=[A-Z0-9])|[0-9](?=[A-Za-z])|[A-Z](?=[0-9])/g

/** What base64 looks like: small letters, capitals and digits take turns. Hexadecimal digests and numbers of parcels do not count. */
export function* codedTokens({ text }: Sample): Finds {
  for (const [token] of text.matchAll(CODED)) {
    if (!/[a-z]/.test(token) || !/[A-Z]/.test(token) || /^[0-9a-f-]+$/i.test(token)) continue
    if ((token.match(TURNS)?.length ?? 0) >= token.length / 3.5) yield token
  }
}
