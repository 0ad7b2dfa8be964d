/**
 * HTML to the text a reader sees, and to what else is in it, for rules and previews; not for display. Our own scanner, because the known
 * ones are quadratic on hostile input: every search here either moves on or ends the scan, and input and output are capped.
 * Tags and comments go, script and style go with their content, blocks break lines, links are kept aside, hidden text is kept apart.
 */
import { decodeEntities } from './entities.js'
import { Elements } from './html-elements.js'
import { type HtmlFacts, type HtmlForm, NO_HTML } from './html-facts.js'
import { type HtmlLink, HtmlOutput } from './html-output.js'
import { Sheet } from './html-sheet.js'
import { readTag, type Tag } from './html-tag.js'

export interface HtmlText {
  readonly text: string
  readonly links: readonly HtmlLink[]
}

export interface ReadHtml extends HtmlText {
  /** Text that is there and cannot be seen. */
  readonly hidden: string
  readonly facts: HtmlFacts
}

const MAX_CHARS = 1_000_000
const MAX_FORMS = 20
const MAX_SOURCES = 200
const MAX_IMAGE_TEXT = 20_000
const MAX_HREF = 2000
/** Of an icon that counts readers. */
const TINY_IMAGE = 3
/** Their content is never text; unclosed they reach to the end, as in browsers. */
const RAW = new Set(['script', 'style', 'title', 'template', 'noembed', 'noframes'])
/** Their content is no text of the mail either, but unclosed they hide nothing. */
const FOREIGN = new Set(['xml', 'svg', 'math', 'object'])
const BLOCKS = new Set(
  (
    'address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 ' +
    'header hr li main nav ol option p pre section summary table tbody tfoot thead tr ul'
  ).split(' '),
)
const CELLS = new Set(['td', 'th'])
/** Tags that mean something; any other one is as good as a comment. */
const INLINE = new Set(
  (
    'a abbr acronym area audio b base basefont bdi bdo big blink button canvas cite code col colgroup data del dfn dir em embed font frame ' +
    'frameset head html i iframe img input ins kbd label legend link map mark marquee menu meta meter nobr noscript optgroup output param ' +
    'picture progress q rp rt ruby s samp select small source span strike strong sub sup td textarea th time tt u var video wbr'
  ).split(' '),
)
const MAY_BE_MARKUP = /<(?:[a-z!?]|\/[a-z])/gi
const FIELDS = new Set(['text', 'password', 'email', 'tel', 'number', 'search', 'url', 'file', 'date', ''])

/** What is seen and what is not in one text; `maxChars` bounds both what is read and what comes out. */
export function htmlToText(html: string, maxChars = MAX_CHARS): HtmlText {
  const reader = new HtmlReader(html.slice(0, maxChars), false)
  const { text, links } = reader.read()
  return { text: text.slice(0, maxChars), links }
}

/** Text that is hidden stands apart. */
export function readHtml(html: string, maxChars = MAX_CHARS): ReadHtml {
  return new HtmlReader(html.slice(0, maxChars), true).read()
}

class HtmlReader {
  readonly #html: string
  readonly #out = new HtmlOutput()
  readonly #elements: Elements | undefined
  readonly #forms: { action: string; fields: number; password: boolean }[] = []
  #form: { action: string; fields: number; password: boolean } | undefined
  readonly #images = { remote: 0, inline: 0, tiny: 0, linked: 0 }
  readonly #sources = new Set<string>()
  readonly #imageText: string[] = []
  #imageTextLeft = MAX_IMAGE_TEXT
  #comments = 0
  #scripts = 0
  #refresh: string | undefined
  #base: string | undefined
  /** Names that are closed nowhere from here on: nobody looks for them again. */
  readonly #never = new Set<string>()

  constructor(html: string, apart: boolean) {
    this.#html = html
    this.#elements = apart ? new Elements(Sheet.of(html)) : undefined
  }

  read(): ReadHtml {
    const html = this.#html
    let at = 0
    while (at < html.length) {
      const open = html.indexOf('<', at)
      if (open !== at) this.#out.write(html.slice(at, open < 0 ? html.length : open), this.#elements?.style)
      if (open < 0) break
      at = this.#markup(open)
    }
    const { shown: text, hidden, links } = this.#out
    return { text, hidden, links, facts: this.#facts() }
  }

  /** Deals with what starts at a `<`; returns where text goes on. */
  #markup(open: number): number {
    const html = this.#html
    const second = html.charCodeAt(open + 1)
    if (second === 33 && html.startsWith('<!--', open)) return this.#comment(open)
    if (second === 33 || second === 63) return after(html, '>', open + 2)
    const tag = readTag(html, open)
    if (tag === undefined) {
      // In one piece with what follows: a mail of nothing but `<` would be as many.
      MAY_BE_MARKUP.lastIndex = open + 1
      const next = MAY_BE_MARKUP.exec(html)?.index ?? html.length
      this.#out.write(html.slice(open, next), this.#elements?.style)
      return next
    }
    if (!tag.closing && (RAW.has(tag.name) || FOREIGN.has(tag.name))) return this.#swallow(tag)
    if (BLOCKS.has(tag.name)) this.#out.breakLine()
    else if (CELLS.has(tag.name)) this.#out.space()
    else if (!INLINE.has(tag.name)) this.#out.unseen()
    this.#elements?.take(tag)
    this.#note(tag)
    return tag.end
  }

  /** `<!-->` and `--!>` end one too, as browsers see it. */
  #comment(open: number): number {
    const html = this.#html
    this.#out.unseen()
    // What Outlook alone reads; nearly every newsletter has some.
    if (!html.startsWith('[', open + 4)) this.#comments += 1
    if (html.startsWith('>', open + 4)) return open + 5
    if (html.startsWith('->', open + 4)) return open + 6
    for (let at = html.indexOf('--', open + 4); at >= 0; at = html.indexOf('--', at + 1)) {
      if (html.startsWith('>', at + 2)) return at + 3
      if (html.startsWith('!>', at + 2)) return at + 4
    }
    return html.length
  }

  #swallow(tag: Tag): number {
    if (tag.name === 'script') this.#scripts += 1
    const end = this.#never.has(tag.name) ? undefined : afterClosing(this.#html, tag)
    if (end !== undefined) return end
    this.#never.add(tag.name)
    return RAW.has(tag.name) ? this.#html.length : tag.end
  }

  #note(tag: Tag): void {
    this.#scripts += tag.handlers
    NOTED.get(tag.name)?.(this, tag)
  }

  anchor({ closing, attributes }: Tag): void {
    const href = closing ? undefined : attributes.get('href')
    this.#out.link(href)
    if (href !== undefined && /^\s*(?:javascript|vbscript):/i.test(href)) this.#scripts += 1
  }

  area(tag: Tag): void {
    if (!tag.attributes.has('href')) return
    this.anchor(tag)
    this.#out.link(undefined)
  }

  image({ closing, attributes }: Tag): void {
    if (closing) return
    const source = decodeEntities(attributes.get('src') ?? '').trim()
    if (/^(?:https?:)?\/\//i.test(source)) {
      this.#images.remote += 1
      if (this.#sources.size < MAX_SOURCES) this.#sources.add(source.slice(0, MAX_HREF))
    } else if (/^(?:cid|data):/i.test(source)) this.#images.inline += 1
    if (isTiny(attributes)) this.#images.tiny += 1
    if (this.#out.inLink) this.#images.linked += 1
    const alt = decodeEntities(attributes.get('alt') ?? '').trim()
    if (alt === '' || this.#imageTextLeft <= 0) return
    this.#imageText.push(alt.slice(0, this.#imageTextLeft))
    this.#imageTextLeft -= alt.length + 1
  }

  openForm({ closing, attributes }: Tag): void {
    this.#form = undefined
    if (closing || this.#forms.length >= MAX_FORMS) return
    this.#form = { action: decodeEntities(attributes.get('action') ?? '').trim(), fields: 0, password: false }
    this.#forms.push(this.#form)
  }

  /** Outside of a form it is one that only a script could send. */
  field({ name, closing, attributes }: Tag): void {
    const type = (attributes.get('type') ?? '').trim().toLowerCase()
    if (closing || (name === 'input' && !FIELDS.has(type))) return
    if (this.#form === undefined)
      this.openForm({ name: 'form', closing: false, attributes: new Map(), handlers: 0, end: 0 })
    const form = this.#form
    if (form === undefined) return
    form.fields += 1
    if (type === 'password') form.password = true
  }

  meta({ attributes }: Tag): void {
    if (attributes.get('http-equiv')?.trim().toLowerCase() !== 'refresh') return
    const [, url] = /url\s*=\s*["']?\s*([^"'\s]{1,2000})/i.exec(decodeEntities(attributes.get('content') ?? '')) ?? []
    this.#refresh ??= url
  }

  baseOf({ attributes }: Tag): void {
    this.#base ??= attributes.get('href')?.trim()
  }

  #facts(): HtmlFacts {
    const { shownChars, hiddenChars, hiddenBy, splitWords, splitSamples } = this.#out
    return {
      ...NO_HTML,
      shownChars,
      hiddenChars,
      hiddenBy,
      splitWords,
      splitSamples,
      comments: this.#comments,
      forms: this.#forms satisfies HtmlForm[],
      images: this.#images,
      imageSources: [...this.#sources],
      imageText: this.#imageText.join('\n'),
      scripts: this.#scripts,
      ...(this.#refresh !== undefined && { refresh: this.#refresh }),
      ...(this.#base !== undefined && { base: this.#base }),
    }
  }
}

/** What is noted of which tags. */
const NOTED: ReadonlyMap<string, (reader: HtmlReader, tag: Tag) => void> = new Map([
  ['a', (reader, tag) => reader.anchor(tag)],
  ['area', (reader, tag) => reader.area(tag)],
  ['img', (reader, tag) => reader.image(tag)],
  ['form', (reader, tag) => reader.openForm(tag)],
  ['input', (reader, tag) => reader.field(tag)],
  ['textarea', (reader, tag) => reader.field(tag)],
  ['select', (reader, tag) => reader.field(tag)],
  ['meta', (reader, tag) => reader.meta(tag)],
  ['base', (reader, tag) => reader.baseOf(tag)],
])

/** What is not closed reaches to the end; so each search is paid by what it passes over. */
function after(html: string, end: string, from: number): number {
  const at = html.indexOf(end, from)
  return at < 0 ? html.length : at + end.length
}

function afterClosing(html: string, tag: Tag): number | undefined {
  const closing = new RegExp(`</${tag.name}[\\s/>]`, 'gi')
  closing.lastIndex = tag.end
  const found = closing.exec(html)
  return found === null ? undefined : after(html, '>', found.index + found[0].length - 1)
}

function isTiny(attributes: Tag['attributes']): boolean {
  const [width, height] = [attributes.get('width'), attributes.get('height')]
  if (width !== undefined && height !== undefined) {
    return Number.parseInt(width, 10) <= TINY_IMAGE && Number.parseInt(height, 10) <= TINY_IMAGE
  }
  const style = attributes.get('style')
  return (
    style !== undefined && /(?:^|[;\s])width:\s*[0-3]px/i.test(style) && /(?:^|[;\s])height:\s*[0-3]px/i.test(style)
  )
}
