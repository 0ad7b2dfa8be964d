/**
 * `npm run letters -- FOLDER`: makes core/text/letter-tables.ts anew from word lists and texts of Debian packages that have been unpacked into FOLDER,
 * one folder a package. docs/letter-models.md names versions and terms. The same sources give the same file.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeCharset, htmlToText, type Script } from 'posthouse/text'
import { countLetters } from './count.js'

/** `lines`: a word a line. `dictionary`: hunspell, with what is said of a word after `/`, a tab or a space. `pages`: a folder of HTML. */
type Kind = 'lines' | 'dictionary' | 'pages'

interface Source {
  readonly package: string
  readonly path: string
  readonly kind: Kind
  readonly charset?: string
}

interface Language {
  readonly language: string
  readonly script: Script
  readonly sources: readonly Source[]
  readonly words?: readonly string[]
}

const help = (language: string): Source => ({
  package: `libreoffice-help-${language}`,
  path: `usr/share/libreoffice/help/${language}/text`,
  kind: 'pages',
})
const list = (name: string, file: string): Source => ({ package: name, path: `usr/share/dict/${file}`, kind: 'lines' })
const hunspell = (name: string, file: string, charset = 'utf-8'): Source => ({
  package: `hunspell-${name}`,
  path: `usr/share/hunspell/${file}.dic`,
  kind: 'dictionary',
  charset,
})

/** Chinese and Vietnamese in Latin letters, mostly seen in names: syllables of a beginning and an ending, as their grammars list them. */
const PINYIN = {
  begins: ', b, p, m, f, d, t, n, l, g, k, h, j, q, x, zh, ch, sh, r, z, c, s, y, w',
  ends:
    'a, o, e, ai, ei, ao, ou, an, en, ang, eng, ong, i, ia, ie, iao, iu, ian, in, iang, ing, iong, u, ua, uo, uai, ui, uan, un, uang, ' +
    'ue, er',
}
const VIETNAMESE = {
  begins: ', b, c, ch, d, g, gh, gi, h, k, kh, l, m, n, ng, ngh, nh, p, ph, qu, r, s, t, th, tr, v, x',
  ends:
    'a, ac, ai, am, an, ang, anh, ao, at, au, ay, e, em, en, eo, et, i, ia, iem, ien, ieng, iet, ieu, im, in, inh, it, iu, o, oa, oan, oc, ' +
    'oi, om, on, ong, op, ot, u, ua, uan, uc, ui, um, un, ung, uoc, uoi, uong, uot, uy, uyen, uyet, uynh, y, yen, yeu',
}

const LANGUAGES: readonly Language[] = [
  { language: 'en', script: 'latin', sources: [list('wamerican-large', 'american-english-large')] },
  { language: 'de', script: 'latin', sources: [help('de')] },
  { language: 'fr', script: 'latin', sources: [hunspell('fr-classical', 'fr'), help('fr')] },
  { language: 'es', script: 'latin', sources: [list('wspanish', 'spanish')] },
  { language: 'it', script: 'latin', sources: [help('it')] },
  { language: 'pt', script: 'latin', sources: [hunspell('pt-pt', 'pt_PT'), help('pt')] },
  { language: 'nl', script: 'latin', sources: [list('wdutch', 'dutch')] },
  { language: 'pl', script: 'latin', sources: [list('wpolish', 'polish')] },
  { language: 'tr', script: 'latin', sources: [hunspell('tr', 'tr_TR')] },
  { language: 'sv', script: 'latin', sources: [help('sv')] },
  { language: 'da', script: 'latin', sources: [hunspell('da', 'da_DK')] },
  { language: 'cs', script: 'latin', sources: [help('cs')] },
  { language: 'hu', script: 'latin', sources: [hunspell('hu', 'hu_HU'), help('hu')] },
  { language: 'ro', script: 'latin', sources: [hunspell('ro', 'ro_RO')] },
  { language: 'fi', script: 'latin', sources: [help('fi')] },
  { language: 'zh', script: 'latin', sources: [], words: syllables(PINYIN) },
  { language: 'vi', script: 'latin', sources: [], words: syllables(VIETNAMESE) },
  { language: 'ru', script: 'cyrillic', sources: [hunspell('ru', 'ru_RU'), help('ru')] },
  { language: 'uk', script: 'cyrillic', sources: [hunspell('uk', 'uk_UA')] },
  { language: 'el', script: 'greek', sources: [hunspell('el', 'el_GR', 'iso-8859-7')] },
]

const WORD = /(?<![\p{L}\p{N}_.@-])\p{L}{2,40}(?![\p{L}\p{N}_.@(-])/gu
/** A word of a text must stand in so many of its pages: what a single one has is a name or a slip. */
const PAGES = 3

/** Every syllable alone and before some of the others, in a fixed choice. */
function syllables({ begins, ends }: { begins: string; ends: string }): readonly string[] {
  const all = begins.split(', ').flatMap(begin => ends.split(', ').map(end => begin.replace(',', '') + end))
  const pairs = all.flatMap((first, at) =>
    all.filter((_, other) => (at * 31 + other) % 23 === 0).map(second => first + second),
  )
  return [...all, ...pairs]
}

function wordsOf(folder: string, source: Source): Iterable<string> {
  const path = join(folder, source.package, source.path)
  if (source.kind === 'pages') return wordsOfPages(path)
  const lines = decodeCharset(readFileSync(path), source.charset ?? 'utf-8').split('\n')
  return lines.map(line =>
    line
      .split(/[/\t ]/, 1)[0]!
      .trim()
      .replace(/'s$/, '')
      .toLowerCase(),
  )
}

function* wordsOfPages(folder: string): Generator<string> {
  const pages = new Map<string, number>()
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.html'))
  for (const file of files.sort()) {
    const { text } = htmlToText(
      readFileSync(join(folder, file), 'utf8').replace(/<(code|pre)\b.{0,5000}?<\/\1>/gs, ' '),
    )
    const words = new Set(Array.from(text.matchAll(WORD), ([word]) => word.toLowerCase()))
    for (const word of words) pages.set(word, (pages.get(word) ?? 0) + 1)
  }
  for (const [word, count] of pages) if (count >= PAGES) yield word
}

function build(folder: string, target: string): void {
  const rows = LANGUAGES.map(({ language, script, sources, words: made = [] }) => {
    const words = new Set([...made, ...sources.flatMap(source => [...wordsOf(folder, source)])])
    const { packed } = countLetters(language, script, words)
    process.stdout.write(`${language}: ${words.size} words, ${packed.length} characters\n`)
    return `  {\n    language: '${language}',\n    script: '${script}',\n    packed:\n      '${packed}',\n  },\n`
  })
  writeFileSync(
    target,
    `/** Made by \`npm run letters\`; docs/letter-models.md says from what. */\nimport type { LetterTable } from './letter-model.js'\n\n` +
      `export const LETTER_TABLES: readonly LetterTable[] = [\n${rows.join('')}]\n`,
  )
}

const [folder, target = 'core/text/letter-tables.ts'] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('usage: npm run letters -- FOLDER\n')
  process.exitCode = 1
} else build(folder, target)
