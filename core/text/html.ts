/**
 * HTML to the text a reader sees, for rules and previews; not for display. Our own scanner, because the known ones are
 * quadratic on hostile input: every search here either moves on or ends the scan, and input and output are capped.
 * Tags and comments go, script and style go with their content, blocks break lines, links are kept aside.
 */
import { decodeEntities } from './entities.js'

export interface HtmlText {
  readonly text: string
  readonly links: readonly { readonly href: string; readonly text: string }[]
}

interface Tag {
  readonly name: string
  readonly closing: boolean
  readonly href?: string
  /** Offset after `>`. */
  readonly end: number
}

const MAX_CHARS = 1_000_000
/** At each end: thousands in front do not hide those behind. */
const MAX_LINKS = 5000
const MAX_LINK_TEXT = 500
const MAX_HREF = 2000
const NAME = /[A-Za-z][^\s/>]{0,40}/y
const ATTRIBUTE_NAME = /[^\s=>/]+/y
const UNQUOTED = /[^\s>]*/y
const SPACES = /[\s/]*/y
const SWALLOWED = new Set([
  'script',
  'style',
  'title',
  'template',
  'xml',
  'svg',
  'math',
  'object',
  'noembed',
  'noframes',
])
const BLOCKS = new Set(
  (
    'address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 ' +
    'header hr li main nav ol option p pre section summary table tbody tfoot thead tr ul'
  ).split(' '),
)
const CELLS = new Set(['td', 'th'])

/** `maxChars` bounds both what is read and what comes out. */
export function htmlToText(html: string, maxChars = MAX_CHARS): HtmlText {
  const input = html.length > maxChars ? html.slice(0, maxChars) : html
  const out = new Output()
  let at = 0
  while (at < input.length) {
    const open = input.indexOf('<', at)
    if (open !== at) out.write(input.slice(at, open < 0 ? input.length : open))
    if (open < 0) break
    at = markup(input, open, out)
  }
  return out.finish(maxChars)
}

/** Deals with what starts at a `<`; returns where text goes on. */
function markup(html: string, open: number, out: Output): number {
  const next = html[open + 1]
  if (html.startsWith('<!--', open)) return after(html, '-->', open + 4)
  if (next === '!' || next === '?') return after(html, '>', open + 2)
  const tag = readTag(html, open)
  if (tag === undefined) {
    out.write('<')
    return open + 1
  }
  if (SWALLOWED.has(tag.name) && !tag.closing) return afterClosing(html, tag)
  if (BLOCKS.has(tag.name)) out.breakLine()
  else if (CELLS.has(tag.name)) out.write(' ')
  if (tag.name === 'a') out.link(tag.closing ? undefined : tag.href)
  else if (tag.name === 'area' && tag.href !== undefined) {
    out.link(tag.href)
    out.link(undefined)
  }
  return tag.end
}

/** What is not closed reaches to the end, as in browsers; so each search is paid by what it passes over. */
function after(html: string, end: string, from: number): number {
  const at = html.indexOf(end, from)
  return at < 0 ? html.length : at + end.length
}

function afterClosing(html: string, tag: Tag): number {
  const closing = new RegExp(`</${tag.name}[\\s/>]`, 'gi')
  closing.lastIndex = tag.end
  const found = closing.exec(html)
  return found === null ? html.length : after(html, '>', found.index + found[0].length - 1)
}

function readTag(html: string, open: number): Tag | undefined {
  const closing = html[open + 1] === '/'
  let at = open + (closing ? 2 : 1)
  const name = match(NAME, html, at)
  if (name === '') return undefined
  at += name.length
  let href: string | undefined
  while (at < html.length) {
    at += match(SPACES, html, at).length
    if (at >= html.length || html[at] === '>') break
    const attribute = readAttribute(html, at)
    at = attribute.end
    if (attribute.name === 'href' && href === undefined) href = attribute.value
  }
  const tag = { name: name.toLowerCase(), closing, end: Math.min(at + 1, html.length) }
  return href === undefined ? tag : { ...tag, href }
}

function readAttribute(html: string, from: number): { name: string; value: string; end: number } {
  const name = match(ATTRIBUTE_NAME, html, from)
  let at = from + Math.max(1, name.length)
  at += match(SPACES, html, at).length
  if (html[at] !== '=') return { name: name.toLowerCase(), value: '', end: at }
  at += 1
  at += match(/\s*/y, html, at).length
  const quote = html[at]
  if (quote === '"' || quote === "'") {
    const close = html.indexOf(quote, at + 1)
    const end = close < 0 ? html.length : close
    return {
      name: name.toLowerCase(),
      value: html.slice(at + 1, Math.min(end, at + 1 + MAX_HREF)),
      end: Math.min(end + 1, html.length),
    }
  }
  const value = match(UNQUOTED, html, at)
  return { name: name.toLowerCase(), value: value.slice(0, MAX_HREF), end: at + value.length }
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}

/** Text with white space drawn together, and the links on the way. */
class Output {
  readonly #pieces: string[] = []
  readonly #links: { href: string; text: string }[] = []
  /** The newest of those beyond, in a ring. */
  readonly #last: { href: string; text: string }[] = []
  #beyond = 0
  #open: { href: string; text: string } | undefined
  /** What stands between the last piece and the next. */
  #gap: '' | ' ' | '\n' = ''

  write(written: string): void {
    const text = decodeEntities(written)
    const drawn = text.replace(/[ \t\r\n\f\u00a0]+/g, ' ')
    const words = drawn.trim()
    if (drawn.startsWith(' ') && this.#gap === '') this.#gap = ' '
    if (words === '') return
    if (this.#pieces.length > 0) this.#pieces.push(this.#gap)
    this.#pieces.push(words)
    if (this.#open !== undefined && this.#open.text.length < MAX_LINK_TEXT) {
      this.#open.text = `${this.#open.text}${this.#open.text === '' ? '' : this.#gap}${words}`.slice(0, MAX_LINK_TEXT)
    }
    this.#gap = drawn.endsWith(' ') ? ' ' : ''
  }

  breakLine(): void {
    this.#gap = '\n'
  }

  /** A new link ends the one before. */
  link(href: string | undefined): void {
    this.#open = undefined
    if (href === undefined) return
    this.#open = { href: decodeEntities(href).trim(), text: '' }
    if (this.#links.length < MAX_LINKS) this.#links.push(this.#open)
    else this.#last[this.#beyond++ % MAX_LINKS] = this.#open
  }

  finish(maxChars: number): HtmlText {
    const oldest = this.#beyond % MAX_LINKS
    const links = [...this.#links, ...this.#last.slice(oldest), ...this.#last.slice(0, oldest)]
    return { text: this.#pieces.join('').slice(0, maxChars), links }
  }
}
