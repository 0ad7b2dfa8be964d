/**
 * Lists of words that say nothing: drawn from a dictionary to outweigh the words around them. Nobody writes twenty words without one of those that hold
 * sentences together (`the`, `und`, `de`), without a sign between them, and never the same twice.
 */
import { codesOf, letterNumber, oddness } from 'posthouse/text'
import type { Sample } from './sample.js'

const LEAST_LETTERS = 3
const MOST_GAP = 3
const WORDLIKE_BITS = 5.5

/** The commonest words of the languages that have a letter model; prepositions, articles, pronouns, forms of "be" and "have". */
const HOLDING = new Set(
  (
    'the of and to in is it you that for on with as are this be at your have from or by not we an was were will can has had but they which their ' +
    'our all if my me her his she he there what when who how its been more about out up so no do new one any than them then also into only over just ' +
    'der die das und ist nicht ein eine einen mit den dem des von zu im auf sich auch es an als wir sie ihr ihre für sind wird bei oder aus nach ich ' +
    'le la les des et est un une pour que qui dans sur pas avec vous nous il elle ce cette par au aux du en se sont ne plus son ' +
    'el los las de y es una por con para se del su al lo como más pero sus no si ' +
    'il lo gli di che non per del della dei con sono alla da nel più come anche questo si ' +
    'os um uma do da dos em não com para por mais ao na no que se seu sua ' +
    'het een van op voor met zijn aan niet dat ook te door bij naar uit maar wij hun ' +
    'nie jest się na że do jak ale po co tak za od ze przez dla oraz lub ' +
    've bir bu da de için ile çok olarak daha gibi ne var mi en o ' +
    'och att det som en på är av för med till den har inte om ett jag vi kan ' +
    'og af til ikke er på der jeg men så hvad vil skal være ' +
    'je se na že to by ale jako pro jsou bude která který není ' +
    'hogy nem egy az ez is van meg csak már mint vagy volt ' +
    'și în nu care pe cu din la mai este sunt fost prin sau ' +
    'ja ei se että hän oli niin kun mutta tai myös ' +
    'и в не на что с по как это он к но из у за то все от для так же мы вы я или есть был о до ' +
    'та що із як це або він ми ви від є був для ' +
    'και το να του η με για την από της που είναι στο θα δεν οι τα στην'
  ).split(' '),
)

const [OTHER, SMALL, SPACE] = [0, 1, 2]
let sorts: Uint8Array | undefined

/** What a character is to a run of words, by its code. Not made at a start. */
function sortsOf(): Uint8Array {
  sorts ??= Uint8Array.from({ length: 0x600 }, (_, code) => {
    const character = String.fromCharCode(code)
    if (/\s/.test(character)) return SPACE
    return /\p{Ll}/u.test(character) && letterNumber(code) !== 0 ? SMALL : OTHER
  })
  return sorts
}

export function wordSalad({ text, bareWords }: Sample, atLeast: number): string | undefined {
  if (bareWords < atLeast) return undefined
  for (const run of bareRuns(text, atLeast)) {
    let words: string[] = []
    for (const word of run.split(/\s+/)) {
      if (HOLDING.has(word)) words = []
      else words.push(word)
      if (words.length === atLeast) {
        if (isSalad(words)) return `${words.slice(0, 6).join(' ')} …`
        words = []
      }
    }
  }
  return undefined
}

/** Where so many words of small letters stand in a row: none shorter than three letters, little between them, no sign. */
function bareRuns(text: string, atLeast: number): readonly string[] {
  const runs: string[] = []
  let start = 0
  let words = 0
  let length = 0
  let gap = 0
  let spoilt = false
  const codes = codesOf(text)
  const all = sortsOf()
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? codes[at]! : 32
    const sort = code < all.length ? all[code]! : OTHER
    if (sort === SMALL) {
      if (words === 0 && length === 0) start = at
      length++
      gap = 0
      continue
    }
    if (sort === SPACE && !spoilt && (length >= LEAST_LETTERS || (length === 0 && gap < MOST_GAP))) {
      if (length > 0) words++
      gap++
      length = 0
      if (at < text.length) continue
    }
    if (words >= atLeast) runs.push(text.slice(start, at).trim())
    words = 0
    length = 0
    gap = 0
    spoilt = sort === OTHER
  }
  return runs
}

/** Different words, and words of some language. */
function isSalad(words: readonly string[]): boolean {
  return new Set(words).size >= words.length * 0.85 && words.every(word => oddness(word, WORDLIKE_BITS) < WORDLIKE_BITS)
}
