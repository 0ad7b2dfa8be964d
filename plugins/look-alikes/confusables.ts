/**
 * What characters look like (UTS 39 §4): the table of Unicode in our compact form, and the skeleton that names have in common when they look
 * the same. The table comes from Unicode's confusables.txt by `make-confusables.ts`; its terms stand in rules/look-alikes/README.md.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A name may have so many characters; nothing longer is looked at. */
export const LONGEST_NAME = 300

const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu
const MARKS = /\p{M}/gu
const ASCII = /^[\x00-\x7f]*$/
const ANY_PAIR = /rn|vv|cl/
/** Two letters that are read as one. Unicode has it the other way round for m, and does not know the others. */
const PAIRS: readonly (readonly [RegExp, string])[] = [
  [/rn/g, 'm'],
  [/vv/g, 'w'],
  [/cl/g, 'd'],
]

/** Character → what it looks like. */
export type Confusables = ReadonlyMap<string, string>

/** Lines of `prototype source source…`, all in hexadecimal, a prototype of several characters with `_` between them; `#` begins a comment. */
export function readConfusables(compact: string): Confusables {
  const table = new Map<string, string>()
  for (const line of compact.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [prototype = '', ...sources] = line.split(' ')
    const looks = charactersOf(prototype.split('_'))
    for (const source of sources) table.set(charactersOf([source]), looks)
  }
  return table
}

/** Unicode's own file in our form. */
export function compactConfusables(unicode: string): string {
  const byPrototype = new Map<string, string[]>()
  for (const line of unicode.replace(/^\ufeff/, '').split('\n')) {
    const [source = '', prototype = ''] = line.replace(/#.*/, '').split(';')
    if (prototype === '') continue
    const key = prototype.trim().split(/\s+/).join('_')
    byPrototype.set(key, [...(byPrototype.get(key) ?? []), source.trim()])
  }
  const version = /^# Version: (\S+)/m.exec(unicode)?.[1] ?? 'unknown'
  const head = `# What looks alike: confusables.txt of Unicode ${version} in short, made by plugins/look-alikes/make-confusables.ts. See README.md for its terms.\n`
  const lines = [...byPrototype].map(([prototype, sources]) => `${prototype} ${sources.join(' ')}\n`)
  return head + lines.sort().join('')
}

let shipped: Confusables | undefined

/** Read when it is first wanted. */
function table(): Confusables {
  shipped ??= readConfusables(
    readFileSync(fileURLToPath(new URL('../../../rules/look-alikes/confusables.txt', import.meta.url)), 'utf8'),
  )
  return shipped
}

/** UTS 39 §4, `internalSkeleton`: names with the same one look the same. Not for display. */
export function skeletonOf(text: string): string {
  const looks = table()
  let skeleton = ''
  for (const character of text.slice(0, LONGEST_NAME).normalize('NFD').replace(IGNORABLE, ''))
    skeleton += looks.get(character) ?? character
  return skeleton.normalize('NFD')
}

/**
 * Wider than the skeleton: without case and accents, and pairs of letters for the one they look like. What a reader in a hurry sees. Case counts before
 * it is dropped: a capital I is an l.
 */
export function lookOf(text: string): string {
  let look = ASCII.test(text) ? asciiSkeleton(text) : skeletonOf(text).replace(MARKS, '')
  look = look.toLowerCase()
  if (ANY_PAIR.test(look)) for (const [pair, letter] of PAIRS) look = look.replace(pair, letter)
  return look
}

let ofAscii: readonly string[] | undefined

/** Nearly all names are: what each of these characters looks like stands in a row. */
function asciiSkeleton(text: string): string {
  ofAscii ??= Array.from({ length: 128 }, (_, code) => skeletonOf(String.fromCharCode(code)))
  let skeleton = ''
  for (let at = 0; at < text.length && at < LONGEST_NAME; at++) skeleton += ofAscii[text.charCodeAt(at)]
  return skeleton
}

function charactersOf(codes: readonly string[]): string {
  return String.fromCodePoint(...codes.map(code => Number.parseInt(code, 16)))
}
