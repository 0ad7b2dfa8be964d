/**
 * What a mail is like apart from its words: its links, its markup, its files, how it shouts. Rough steps instead of counts, and no names of
 * anybody: what is learned of it holds for others too.
 */
import type { MessageText } from 'posthouse/api'
import { type WebLink, webLinks } from 'posthouse/text'
import { AT, addWhole, type Sink } from './sink.js'

const MOST_LINKS = 40
/** Of the text. */
const LOOKED_AT = 6000
const LIKE_A_CODE = /[A-Za-z0-9_-]{25,}/
const FILE = /\.(php|aspx?|html?|cgi|exe|zip|pdf|js)$/i

export interface Names {
  /** Domain of From, and of Reply-To when there is one. */
  readonly from: string
  readonly reply: string | undefined
}

export function addFacts(sink: Sink, text: MessageText, subject: string, names: Names): void {
  const add = (fact: string) => addWhole(sink, AT.shape, fact)
  addSubject(add, subject)
  addBody(add, text)
  addMarkup(add, text)
  const links = webLinks(text)
  add(`links ${step(links.length)}`)
  const hosts = new Set<string>()
  for (const link of links.slice(0, MOST_LINKS)) {
    // Most links of a mail lead to few hosts: what each tells is told once.
    if (!hosts.has(link.host)) addHost(add, link.host, names.from)
    hosts.add(link.host)
    addLink(add, link)
  }
  for (const { kind, odd } of text.parts.slice(0, 50)) {
    if (kind !== 'multipart' && kind !== 'text' && kind !== 'html') add(`part ${kind}`)
    for (const oddity of odd) add(`part ${oddity}`)
  }
  if (names.from === '') add('no sender')
  if (names.reply !== undefined) add(names.reply === names.from ? 'answers to sender' : 'answers elsewhere')
}

function addSubject(add: (fact: string) => void, subject: string): void {
  add(`subject of ${step(subject.length)}`)
  if (/\p{Lu}{4}/u.test(subject) && subject === subject.toUpperCase()) add('subject in capitals')
  if (subject.includes('!')) add('subject calls')
  if (/^\s*(?:re|aw|sv)\s*:/i.test(subject)) add('subject answers')
  if (/[^\x00-\x7f]/.test(subject)) add('subject beyond ascii')
}

function addBody(add: (fact: string) => void, { body, broken }: MessageText): void {
  add(`text of ${step(body.length)}`)
  let capitals = 0
  let smalls = 0
  let calls = 0
  let money = 0
  let beyond = 0
  const end = Math.min(body.length, LOOKED_AT)
  for (let at = 0; at < end; at++) {
    const code = body.charCodeAt(at)
    if (code >= 97 && code <= 122) smalls++
    else if (code >= 65 && code <= 90) capitals++
    else if (code === 33) calls++
    else if (code === 36 || code === 0x20ac || code === 0xa3) money++
    if (code > 127) beyond++
  }
  add(`capitals ${Math.min(6, Math.floor((10 * capitals) / (capitals + smalls + 1)))}`)
  add(`calls ${step(calls)}`)
  add(`money ${step(money)}`)
  add(`beyond ascii ${Math.floor((5 * beyond) / (end + 1))}`)
  if (broken.length > 0) add('broken')
}

function addMarkup(add: (fact: string) => void, { html, htmlFacts }: MessageText): void {
  if (html === '') return
  add('html')
  if (htmlFacts.shownChars * 10 < html.length) add('html is mostly markup')
  if (htmlFacts.hiddenChars > 100) add(`hidden ${step(htmlFacts.hiddenChars)}`)
  for (const veil of htmlFacts.hiddenBy) add(`hidden by ${veil}`)
  if (htmlFacts.splitWords > 2) add('split words')
  if (htmlFacts.comments > 0) add(`comments ${step(htmlFacts.comments)}`)
  if (htmlFacts.forms.length > 0) add('form')
  if (htmlFacts.scripts > 0) add('script')
  const { remote, inline, linked } = htmlFacts.images
  add(`pictures ${step(remote)} ${step(inline)}`)
  if (linked > 0) add('pictures lead somewhere')
}

function addHost(add: (fact: string) => void, host: string, from: string): void {
  if (/^[\d.]+$|:/.test(host)) add('link to a number')
  else add(`link ending ${host.slice(host.lastIndexOf('.') + 1)}`)
  add(`link of ${Math.min(5, host.split('.').length)} labels`)
  if (host.length > 30) add('link to a long name')
  if (/[a-z]\d|\d[a-z]/.test(host)) add('link with digits')
  if (/-.*-/.test(host)) add('link with dashes')
  if (from !== '') add(isWithin(host, from) || isWithin(from, host) ? 'link home' : 'link elsewhere')
}

function addLink(add: (fact: string) => void, { host, href, text, url }: WebLink): void {
  add(`link path ${Math.min(4, url.pathname.split('/').length - 1)}`)
  if (LIKE_A_CODE.test(url.pathname) || LIKE_A_CODE.test(url.search)) add('link with a code')
  if (url.search !== '') add('link asks')
  const file = FILE.exec(url.pathname)?.[1]
  if (file !== undefined) add(`link to ${file.toLowerCase()}`)
  if (/^http:/i.test(href)) add('link in clear')
  if (/^(?:https?:\/\/|www\.)/i.test(text))
    add(text.toLowerCase().includes(host) ? 'link shows itself' : 'link shows another')
}

function isWithin(name: string, whole: string): boolean {
  return name === whole || name.endsWith(`.${whole}`)
}

/** Doubling steps. */
function step(count: number): number {
  return Math.min(12, Math.floor(Math.log2(1 + count)))
}
