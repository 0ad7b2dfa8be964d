/** Mail addresses in running text and in links: where answers shall go. Bounded, linear, never throws. */

import { bothEnds, bothEndsOf } from './ends.js'

export interface Email {
  readonly local: string
  readonly domain: string
}

/** What of a message is read for them. */
export interface AddressedText {
  readonly body: string
  readonly links: readonly { readonly href: string }[]
}

const MAX_TEXT = 256 * 1024
/** Signs that are looked at, at both ends; a text full of them is no letter. */
const MAX_SIGNS = 1000
const MAX_LOCAL = 64
const MAX_DOMAIN = 255
const LOCAL = /[a-z0-9.!#$%&'*+/=?^_{|}~-]+$/i
const DOMAIN = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+/i
const MAILTO = /^\s*mailto:/i

/** In the order they appear, as often as they appear. */
export function emailsIn(
  text: AddressedText,
  header: readonly { readonly name: string; readonly raw: string }[],
): readonly Email[] {
  const links = text.links.filter(({ href }) => MAILTO.test(href)).map(({ href }) => unescaped(href))
  const lists = header.filter(({ name }) => name.toLowerCase() === 'list-unsubscribe').map(({ raw }) => unescaped(raw))
  return bothEndsOf([...links, ...lists, bothEnds(text.body, MAX_TEXT)].flatMap(emailsOf), MAX_SIGNS)
}

function emailsOf(text: string): readonly Email[] {
  const found: Email[] = []
  const signs: number[] = []
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) signs.push(at)
  for (const at of bothEndsOf(signs, MAX_SIGNS)) {
    const local = LOCAL.exec(text.slice(Math.max(0, at - MAX_LOCAL), at))?.[0].replace(/^[^a-z0-9]+|\.+$/gi, '')
    const domain = DOMAIN.exec(text.slice(at + 1, at + 1 + MAX_DOMAIN))?.[0]
    if (local !== undefined && local !== '' && domain !== undefined) found.push({ local, domain: domain.toLowerCase() })
  }
  return found
}

/** `mailto:a%40example.org?subject=…`, of which only the address counts. */
function unescaped(href: string): string {
  return href
    .slice(0, 2000)
    .replace(MAILTO, '')
    .replace(/\?[^<>,]*/g, '')
    .replace(/%(40|2b)/gi, (_all, code: string) => (code === '40' ? '@' : '+'))
}
