/**
 * The elements that are open while HTML is read, and the style each gives to its text. Forgiving as browsers are: what is never closed
 * is closed by what stands around it. Bounded in depth, and each tag costs a bounded look up the stack.
 */
import { readColour, UNKNOWN } from './css-colour.js'
import type { Sheet } from './html-sheet.js'
import { type Declared, PLAIN, readDeclarations, type Style, styled, together } from './html-style.js'
import type { Tag } from './html-tag.js'

const MAX_DEPTH = 300
/** How far up one looks for what a tag closes. */
const MAX_LOOK = 40
const MAX_KNOWN = 500
const EMPTY = new Set('area base basefont br col embed frame hr img input link meta param source track wbr'.split(' '))
const LINK_BLUE = 0x0000ee

/** What an opening tag closes when it was left open, up to a barrier. */
const CLOSES: ReadonlyMap<string, { readonly these: ReadonlySet<string>; readonly barrier: ReadonlySet<string> }> =
  new Map(
    [
      ['td', 'td th', 'table tr'],
      ['th', 'td th', 'table tr'],
      ['tr', 'tr', 'table'],
      ['li', 'li', 'ul ol'],
      ['dt', 'dt dd', 'dl'],
      ['dd', 'dt dd', 'dl'],
      ['option', 'option', 'select'],
      ['p', 'p', 'td th div table body li blockquote center'],
    ].map(([name, these, barrier]) => [
      name!,
      { these: new Set(these!.split(' ')), barrier: new Set(barrier!.split(' ')) },
    ]),
  )
/** A closing tag does not reach out of a cell, unless it is a table's own. */
const WALLS = new Set(['td', 'th', 'table'])
const TABLE = new Set(['table', 'tbody', 'thead', 'tfoot', 'tr', 'td', 'th', 'body', 'html'])

export class Elements {
  readonly #sheet: Sheet | undefined
  readonly #names: string[] = []
  readonly #styles: Style[] = []
  #depth = 0
  #style = PLAIN
  /** Open beyond the greatest depth. */
  #beyond = 0
  /** Newsletters say the same style hundreds of times. */
  readonly #known = new Map<string, Declared>()

  constructor(sheet: Sheet | undefined) {
    this.#sheet = sheet
  }

  /** That of text right here. */
  get style(): Style {
    return this.#style
  }

  take(tag: Tag): void {
    if (tag.closing) this.#close(tag.name)
    else if (!EMPTY.has(tag.name)) this.#open(tag)
  }

  #open(tag: Tag): void {
    const closes = CLOSES.get(tag.name)
    if (closes !== undefined) this.#closeLeftOpen(closes.these, closes.barrier)
    if (this.#depth >= MAX_DEPTH) {
      this.#beyond += 1
      return
    }
    const declared = this.#declared(tag)
    this.#names[this.#depth] = tag.name
    this.#styles[this.#depth] = this.#style
    this.#depth += 1
    if (declared !== undefined) this.#style = styled(this.#style, declared)
  }

  #close(name: string): void {
    if (this.#beyond > 0) {
      this.#beyond -= 1
      return
    }
    const walled = !TABLE.has(name)
    const lowest = Math.max(0, this.#depth - MAX_LOOK)
    for (let i = this.#depth - 1; i >= lowest; i--) {
      if (this.#names[i] === name) {
        this.#cut(i)
        return
      }
      if (walled && WALLS.has(this.#names[i]!)) return
    }
  }

  #closeLeftOpen(these: ReadonlySet<string>, barrier: ReadonlySet<string>): void {
    const lowest = Math.max(0, this.#depth - MAX_LOOK)
    for (let i = this.#depth - 1; i >= lowest; i--) {
      if (these.has(this.#names[i]!)) {
        this.#cut(i)
        return
      }
      if (barrier.has(this.#names[i]!)) return
    }
  }

  #cut(depth: number): void {
    this.#style = this.#styles[depth]!
    this.#depth = depth
  }

  #declared(tag: Tag): Declared | undefined {
    const rules = this.#sheet?.of(tag)
    const { name, attributes } = tag
    const own = attributes.size === 0 ? undefined : this.#own(tag)
    if (name !== 'a' || !attributes.has('href')) {
      return rules === undefined || own === undefined ? (rules ?? own) : together(rules, own)
    }
    // A link has a colour of its own unless something gives it another.
    return { colour: LINK_BLUE, ...rules, ...own }
  }

  #own({ name, attributes }: Tag): Declared | undefined {
    const style = attributes.get('style')
    const bgcolor = attributes.get('bgcolor')
    const background = attributes.get('background')
    const colour =
      name === 'font' || name === 'basefont'
        ? attributes.get('color')
        : name === 'body'
          ? attributes.get('text')
          : undefined
    const hidden = attributes.has('hidden')
    const turned = name === 'bdo' && attributes.get('dir')?.toLowerCase() === 'rtl'
    if (bgcolor === undefined && background === undefined && colour === undefined && !hidden && !turned) {
      return style === undefined ? undefined : this.#inline(style)
    }
    const declared: Declared = {
      ...(bgcolor !== undefined && { back: readColour(bgcolor, true) }),
      ...(background !== undefined && background !== '' && { back: UNKNOWN }),
      ...(colour !== undefined && { colour: readColour(colour, true) }),
      ...(hidden && { veil: 'display' as const }),
      ...(turned && { turned }),
    }
    return style === undefined ? declared : together(declared, this.#inline(style))
  }

  #inline(style: string): Declared {
    const known = this.#known.get(style)
    if (known !== undefined) return known
    const declared = readDeclarations(style)
    if (this.#known.size < MAX_KNOWN) this.#known.set(style, declared)
    return declared
  }
}
