/**
 * Whose letter it is that somebody passes on: mail programs set its header in front of it, in the language of who forwards. Spam that is passed on is
 * still what it was, and spam that only pretends to be forwarded is judged by the author it names.
 */
import type { FieldMailbox } from 'posthouse/text'

/** Subjects of what is passed on, in the languages of mail programs. */
const SUBJECT = /^\s{0,5}(?:fwd?|enc|wg|tr|rv|i|doorst|vs|vb|vl|pd|yml|転送|转发|轉寄)\s{0,3}:/i
const NAMES = 'from|de|von|van|da|od|fra|från|kimden|отправитель|от|差出人|发件人|寄件者'
/** The bounds keep it linear. `em nome de`: what follows is who it was written for. */
const AUTHOR = new RegExp(
  `(?:^|\\n)[ \\t>*]{0,6}(?:${NAMES})\\s{0,2}:[ \\t*]{0,4}([^\\n<]{0,200})<(?:mailto:)?([^\\s<>@"]{1,64})@([a-z0-9.-]{1,200}\\.[a-z]{2,24})>([^\\n]{0,200})`,
  'i',
)
const ON_BEHALF = /(?:em nome de|on behalf of|im auftrag von|de la part de|en nombre de)\s+([^<\n]{1,100})/i
/** Further down it is a quotation of a quotation. */
const WITHIN = 3000

/** Nothing: it is not forwarded, or does not say whose it is. */
export function forwardedAuthor(subject: string, body: string): FieldMailbox | undefined {
  if (!SUBJECT.test(subject)) return undefined
  const [, name = '', local, domain, rest = ''] = AUTHOR.exec(body.slice(0, WITHIN)) ?? []
  if (local === undefined || domain === undefined) return undefined
  const shown = ON_BEHALF.exec(`${name} ${rest}`)?.[1] ?? name
  return { name: shown.replace(/^[\s"'*]{0,9}|[\s"'*]{0,9}$/g, ''), local, domain: domain.toLowerCase() }
}
