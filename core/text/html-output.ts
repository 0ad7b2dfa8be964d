/**
 * What comes out of HTML: text that is seen, text that is not, links, and words that something unseen stands in. White space is drawn
 * together; blocks break lines.
 */
import { decodeEntities } from './entities.js'
import type { Veil } from './html-facts.js'
import type { Style } from './html-style.js'

export interface HtmlLink {
  readonly href: string
  readonly text: string
}

/** At each end: thousands in front do not hide those behind. */
const MAX_LINKS = 5000
const MAX_LINK_TEXT = 500
const MAX_SAMPLES = 10
const MAX_SAMPLE = 40
const WORD_END = /[\p{L}\p{M}]{1,40}$/u
const WORD_START = /^[\p{L}\p{M}]{1,20}/u

export class HtmlOutput {
  readonly #shown = new Sink()
  readonly #hidden = new Sink()
  readonly #veils = new Map<Veil, number>()
  readonly #links: { href: string; text: string }[] = []
  /** The newest of those beyond, in a ring. */
  readonly #last: { href: string; text: string }[] = []
  #beyond = 0
  #open: { href: string; text: string } | undefined
  /** Something unseen came since the last text that is seen. */
  #unseen = false
  /** What stands together at the end of the text. */
  #ending = ''
  /** The last word that was split. */
  #sample = ''
  splitWords = 0
  readonly splitSamples: string[] = []

  write(written: string, style?: Style): void {
    const veil = style?.veil
    if (isSpace(written)) {
      if (veil === undefined) this.#shown.space()
      return
    }
    const decoded = decodeEntities(written)
    const text = style?.turned ? Array.from(decoded).reverse().join('') : decoded
    if (veil !== undefined) {
      this.#hide(text, veil)
      return
    }
    const gap = this.#shown.gap
    const words = this.#shown.write(text)
    if (words === '') return
    this.#word(words)
    this.#linkText(words, this.#shown.joined ? '' : gap === '' ? ' ' : gap)
  }

  /** Something that is not seen stands here: a comment, a tag nobody knows. */
  unseen(): void {
    this.#unseen = true
  }

  breakLine(): void {
    this.#shown.break()
    this.#hidden.break()
  }

  space(): void {
    this.#shown.space()
    this.#hidden.space()
  }

  /** A new link ends the one before. */
  link(href: string | undefined): void {
    this.#open = undefined
    if (href === undefined) return
    // As browsers do: line ends and tabs are no part of an address.
    this.#open = {
      href: decodeEntities(href)
        .replace(/[\t\r\n]+/g, '')
        .trim(),
      text: '',
    }
    if (this.#links.length < MAX_LINKS) this.#links.push(this.#open)
    else this.#last[this.#beyond++ % MAX_LINKS] = this.#open
  }

  get inLink(): boolean {
    return this.#open !== undefined
  }

  get shown(): string {
    return this.#shown.text()
  }

  get hidden(): string {
    return this.#hidden.text()
  }

  get shownChars(): number {
    return this.#shown.chars
  }

  get hiddenChars(): number {
    return this.#hidden.chars
  }

  /** The one that hides most first. */
  get hiddenBy(): Veil[] {
    return [...this.#veils].sort(([, a], [, b]) => b - a).map(([veil]) => veil)
  }

  get links(): readonly HtmlLink[] {
    const oldest = this.#beyond % MAX_LINKS
    return [...this.#links, ...this.#last.slice(oldest), ...this.#last.slice(0, oldest)]
  }

  #hide(text: string, veil: Veil): void {
    const words = this.#hidden.write(text)
    if (words === '') return
    this.#veils.set(veil, (this.#veils.get(veil) ?? 0) + words.length)
    this.#unseen = true
  }

  /** Follows the text over all pieces that stand together. */
  #word(words: string): void {
    const joined = this.#shown.joined
    if (joined && this.#unseen) this.#split(words)
    this.#unseen = false
    this.#ending = joined ? `${this.#ending.slice(-MAX_SAMPLE)}${words}` : words
  }

  /** One that is cut several times is one word. */
  #split(words: string): void {
    const [tail] = WORD_START.exec(words) ?? []
    const [before] = tail === undefined ? [] : (WORD_END.exec(this.#ending.slice(-MAX_SAMPLE)) ?? [])
    if (tail === undefined || before === undefined) return
    const again = this.#sample === before && this.splitSamples.at(-1) === before
    this.#sample = `${before}${tail}`.slice(-MAX_SAMPLE)
    if (again) this.splitSamples.pop()
    else this.splitWords += 1
    if (this.splitSamples.length < MAX_SAMPLES) this.splitSamples.push(this.#sample)
  }

  #linkText(words: string, gap: string): void {
    const open = this.#open
    if (open === undefined || open.text.length >= MAX_LINK_TEXT) return
    open.text = `${open.text}${open.text === '' ? '' : gap}${words}`.slice(0, MAX_LINK_TEXT)
  }
}

/** Text with white space drawn together. */
class Sink {
  readonly #pieces: string[] = []
  /** What stands between the last piece and the next. */
  gap: '' | ' ' | '\n' = ''
  chars = 0
  /** The last piece followed the one before without a gap. */
  joined = false

  /** Returns what was written, without white space around. */
  write(text: string): string {
    const drawn = SPACES.test(text) ? text.replace(SPACES_RUN, ' ') : text
    const words = drawn.trim()
    if (drawn.startsWith(' ')) this.space()
    if (words === '') return ''
    this.joined = this.gap === '' && this.#pieces.length > 0
    if (this.#pieces.length > 0 && this.gap !== '') this.#pieces.push(this.gap)
    this.#pieces.push(words)
    this.chars += words.length
    this.gap = drawn.endsWith(' ') ? ' ' : ''
    return words
  }

  space(): void {
    if (this.gap === '') this.gap = ' '
  }

  break(): void {
    this.gap = '\n'
  }

  text(): string {
    return this.#pieces.join('')
  }
}

// A single space is the usual case, and is left alone.
const SPACES = /[\t\r\n\f\u00a0]| {2}/
const SPACES_RUN = /[\t\r\n\f\u00a0][ \t\r\n\f\u00a0]*| [ \t\r\n\f\u00a0]+/g

function isSpace(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return false
  }
  return true
}
