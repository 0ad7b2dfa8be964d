/** LANG [range] (RFC 6856 §3): the language of what people may read. The answer is in the new one already. */
import { no, ok } from '../answer.js'
import { type Command, readNothing } from '../command.js'
import { languageFor, TEXTS } from '../texts/index.js'
import { LANGUAGES } from '../texts/languages.js'

export const lang: Command<string | undefined> = {
  name: 'LANG',
  states: ['authorization', 'transaction'],
  read(input) {
    if (!input.peek(/ {1,9}[^ ]/)) return readNothing(input)
    input.need(/ {1,9}/, 'a space')
    // RFC 4647 §2.1
    const range = input.need(/\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}/, 'a language')
    return readNothing(input) ?? range
  },
  run(session, range) {
    if (range === undefined) return { kind: 'list', text: session.texts.languages, lines: listing() }
    const language = range === '*' ? session.deps.settings.language : languageFor(range)
    if (language === undefined) return no(session.texts.noSuchLanguage)
    session.language = language
    return ok(`${language} ${session.texts.chosen}`)
  },
  capabilities: () => ['LANG'],
}

function listing(): readonly string[] {
  return LANGUAGES.map(language => `${language} ${TEXTS[language].name}`)
}
