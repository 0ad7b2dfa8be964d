/**
 * Finds words that are written so that filters miss them, and says what they are meant to be: "v1-a.g r@" → "viagra". One pass
 * over the characters picks the few tokens that are odd; only these are read, and a reading counts only when it is a word of a rule.
 */
import { CYRILLIC_LOOKS, type Looks, SIGNS } from './confusables.js'
import { type Classes, classOf, scanTokens } from './tokens.js'
import type { How, Read, Vocabulary } from './vocabulary.js'

export interface Disguise {
  /** Where it stands in the text, `end` not included. */
  readonly start: number
  readonly end: number
  readonly understood: string
  readonly how: How
}

/** With room for what cannot be seen between letters. */
const LONGEST_TOKEN = 120
/** A mail full of odd tokens is odd without knowing each. */
const MOST_TRIED = 2000
/** Characters of rows of single letters that are read: more are no words but a drawing, or an attack. */
const MOST_SPACED_OUT = 8000
/** Pieces a spaced-out word may have, and has at least. */
const MOST_PIECES = 18
const LEAST_PIECES = 4
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu
const MARKS = /[\u0300-\u036f\u20d0-\u20ff]/g
const HYPHENATED = /^\p{L}{2,}(?:\u00ad\p{L}{2,})+$/u
const EDGES = /^["'(<[{«„“‘*_.,:;|!+-]+|["')>\]}»“”’*_.,:;?|+-]+$/g
/** Marks of order and signs of other writing at the edge of a word are no disguise. */
const EDGE_NOTHING =
  /^[\p{Default_Ignorable_Code_Point}\uff01-\uff0f\uff1a-\uff20]+|[\p{Default_Ignorable_Code_Point}\uff01-\uff0f\uff1a-\uff20]+$/gu
const NAME_SIGN = /^[@$]\p{L}+$/u
const TRAILING_SHOUT = /!+$/
/** Shorter words may be met by chance. */
const SHORTEST_ACCUSED = 5
/** Addresses have their own rules and their own oddities. A question mark belongs to one where something follows it. */
const ADDRESS = /:\/\/|^www\.|[^@]@[^@\s]+\.\w|[=%#\\{}<>[\]~^]|\?[\w/]|\w\.\w+\/|\/.*\//

const JOINED = /\p{L}[&,;/+]\p{L}/u
const PARTS = /[^&,;/+]{3,}/g

/** In the order they stand there; none overlaps another. `codes`: its characters. */
export function disguisesIn(
  text: string,
  codes: Uint16Array,
  vocabulary: Vocabulary,
  looks: Looks,
): readonly Disguise[] {
  const { tokens, runs, mainlyLatin } = scanTokens(codes, text.length)
  const found: Disguise[] = []
  let left = MOST_SPACED_OUT
  for (const run of runs) {
    found.push(...readRun(text, { start: run.start, end: Math.min(run.end, run.start + left) }, vocabulary, looks))
    left -= run.end - run.start
    if (left <= 0) break
  }
  for (const token of tokens.slice(0, MOST_TRIED)) {
    if (token.foreign && !mainlyLatin) continue
    if (token.end - token.start > LONGEST_TOKEN) continue
    if (!vocabulary.mayMean(codes, token.start, token.end)) continue
    const whole = text.slice(token.start, token.end)
    for (const { offset, length, understood, how } of vocabulary.remembered(whole, () =>
      readToken(whole, vocabulary, looks),
    )) {
      const start = token.start + offset
      found.push({ start, end: start + length, understood, how })
    }
  }
  if (found.length < 2) return found
  found.sort((a, b) => a.start - b.start || b.end - a.end)
  const apart: Disguise[] = []
  for (const one of found) if (one.start >= (apart.at(-1)?.end ?? 0)) apart.push(one)
  return apart
}

function readToken(whole: string, vocabulary: Vocabulary, looks: Looks): readonly Read[] {
  if (ADDRESS.test(whole)) return []
  if (!JOINED.test(whole)) return readPart(whole, 0, vocabulary, looks)
  // "Viagra&Cialis" are two.
  return [...whole.matchAll(PARTS)].flatMap(({ 0: part, index }) => readPart(part, index, vocabulary, looks))
}

function readPart(part: string, at: number, vocabulary: Vocabulary, looks: Looks): readonly Read[] {
  const bare = part.replace(EDGE_NOTHING, '').replace(TRAILING_SHOUT, '').replace(EDGES, '')
  if (bare.length < 3) return []
  const reading = bestReading(bare, vocabulary, looks)
  return reading === undefined ? [] : [{ offset: at + part.indexOf(bare), length: bare.length, ...reading }]
}

type ReadAs = Pick<Disguise, 'understood' | 'how'>

function readAs(understood: string, deliberate: boolean): ReadAs {
  return { understood, how: deliberate && understood.length >= SHORTEST_ACCUSED ? 'deliberate' : 'misspelt' }
}

function bestReading(written: string, vocabulary: Vocabulary, looks: Looks): ReadAs | undefined {
  const visible = written.replace(INVISIBLE, '')
  const plain = visible.normalize('NFKD').replace(MARKS, '').toLowerCase()
  // Honest as it stands: folding reads it without our help.
  if (visible === written && vocabulary.has(plain) && plain === visible.toLowerCase()) return undefined
  // "@account" in Perl, "$account" in a shell, "@paypal" as a handle.
  if (NAME_SIGN.test(plain) && vocabulary.has(plain.slice(1))) return undefined
  if (visible !== written && vocabulary.has(plain)) return readAs(plain, !HYPHENATED.test(written))
  return latinReading(visible, plain, vocabulary, looks) ?? cyrillicReading(visible, vocabulary)
}

function latinReading(visible: string, plain: string, vocabulary: Vocabulary, looks: Looks): ReadAs | undefined {
  const { letters, signs, foreign, pieces } = spell(visible, looks)
  const understood = vocabulary.meant(letters)
  if (understood !== undefined) {
    // "Paypai" for "paypal" is I for l; "e-mail" for "email" is how people write.
    const changed = signs + foreign > 0 || (pieces === 1 && understood !== letters)
    const cut = pieces >= 3 && letters.length / pieces <= 2.5
    return readAs(understood, changed || cut)
  }
  if (pieces > 1 && signs === 0 && foreign === 0) return undefined
  const single = vocabulary.meantSqueezed(letters)
  if (single === undefined || single === plain) return undefined
  return readAs(single, signs + foreign > 0)
}

interface Spelling {
  readonly letters: string
  /** Digits and signs read as letters. */
  readonly signs: number
  /** Letters of other scripts, or fancy ones. */
  readonly foreign: number
  /** Parts between dots, dashes and the like. */
  readonly pieces: number
}

function spell(visible: string, looks: Looks): Spelling {
  let [letters, signs, foreign, pieces, inside] = ['', 0, 0, 0, false]
  for (const character of visible) {
    const sign = SIGNS.get(character)
    const letter = sign ?? letterOf(character, looks)
    if (letter === '') {
      inside = false
      continue
    }
    if (!inside) pieces++
    inside = true
    letters += letter
    if (sign !== undefined) signs++
    else if (character > '\u024f') foreign++
  }
  return { letters, signs, foreign, pieces }
}

function letterOf(character: string, looks: Looks): string {
  if (character <= '\x7f') return isLetter(character.charCodeAt(0) | 32) ? character.toLowerCase() : ''
  const look = looks.get(character) ?? looks.get(character.toLowerCase())
  if (look !== undefined) return look.toLowerCase()
  const plain = character.normalize('NFKD').replace(MARKS, '').toLowerCase()
  return /^[a-z]+$/.test(plain) ? plain : regional(character)
}

function isLetter(small: number): boolean {
  return small >= 97 && small <= 122
}

/** "🇻🇮🇦": letters of flags. */
function regional(character: string): string {
  const code = character.codePointAt(0)!
  return code >= 0x1f1e6 && code <= 0x1f1ff ? String.fromCharCode(97 + code - 0x1f1e6) : ''
}

/** "кpeдит" with Latin letters in it. */
function cyrillicReading(visible: string, vocabulary: Vocabulary): ReadAs | undefined {
  if (!/[\u0400-\u04ff]/.test(visible)) return undefined
  let [letters, changed] = ['', 0]
  for (const character of visible) {
    const look = CYRILLIC_LOOKS.get(character) ?? CYRILLIC_LOOKS.get(character.toUpperCase())
    if (look !== undefined) changed++
    const letter = look ?? character
    if (/[\u0400-\u04ff]/.test(letter)) letters += letter
  }
  const understood = letters.toLowerCase().replaceAll('ё', 'е').replaceAll('й', 'и')
  if (changed === 0 || understood.length < 4 || !vocabulary.has(understood)) return undefined
  return readAs(understood, true)
}

interface Piece {
  readonly start: number
  readonly end: number
  readonly letters: string
}

/** Rows of one or two letters each: "v 1 a g r a", "c.a.s.i.n.o", "b u y v i a g r a". */
function* readRun(text: string, run: Classes, vocabulary: Vocabulary, looks: Looks): Generator<Disguise> {
  const pieces = [...piecesOf(text, run, looks)]
  for (let from = 0; from + LEAST_PIECES <= pieces.length; from++) {
    const found = longestWord(pieces, from, vocabulary)
    if (found === undefined) continue
    const [understood, to] = found
    // Letters apart and nothing else may be a headline.
    const how = /^[\p{L} ]+$/u.test(text.slice(pieces[from]!.start, pieces[to - 1]!.end)) ? 'spaced-out' : 'deliberate'
    yield { start: pieces[from]!.start, end: pieces[to - 1]!.end, understood, how }
    from = to - 1
  }
}

function longestWord(pieces: readonly Piece[], from: number, vocabulary: Vocabulary): [string, number] | undefined {
  let letters = ''
  let best: [string, number] | undefined
  for (let to = from; to < Math.min(pieces.length, from + MOST_PIECES); to++) {
    letters += pieces[to]!.letters
    const count = to + 1 - from
    // Mostly single letters: "it is to be" is no word.
    if (count < LEAST_PIECES || letters.length < 5 || count < letters.length * 0.6) continue
    const understood = vocabulary.meant(letters)
    if (understood !== undefined) best = [understood, to + 1]
  }
  return best
}

function* piecesOf(text: string, { start, end }: Classes, looks: Looks): Generator<Piece> {
  let [begin, letters] = [start, '']
  for (let at = start; at <= end; at++) {
    const character = at < end ? String.fromCodePoint(text.codePointAt(at)!) : ' '
    const letter =
      at < end && classOf(text.charCodeAt(at)) !== 0 ? (SIGNS.get(character) ?? letterOf(character, looks)) : ''
    if (letter === '') {
      if (letters !== '') yield { start: begin, end: at, letters }
      letters = ''
      begin = at + character.length
    } else letters += letter
    at += character.length - 1
  }
}
