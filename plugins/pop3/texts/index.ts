/**
 * What people may read of our answers, by language (RFC 6856 §3). What plugins refuse a login with is theirs and stays as it is.
 */
import { de } from './de.js'
import { en } from './en.js'
import { fr } from './fr.js'
import { LANGUAGES, type Language } from './languages.js'

export type Texts = {
  readonly [Key in keyof typeof en]: (typeof en)[Key] extends string ? string : (typeof en)[Key]
}

export const TEXTS: Readonly<Record<Language, Texts>> = { en, de, fr }

/** RFC 4647 §3.4: `de-AT` is answered by `de`; `undefined` when we speak nothing like it. */
export function languageFor(range: string): Language | undefined {
  const [primary] = range.toLowerCase().split('-', 1)
  return LANGUAGES.find(language => language === primary)
}
