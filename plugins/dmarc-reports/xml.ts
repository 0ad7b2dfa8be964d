/**
 * As much of XML as reports are written in: elements, text, the entities everybody knows. Strangers write it, so everything is bounded, and what could
 * grow or reach out (document types, entities of their own) is refused. A `<` that begins no tag is text: some senders put addresses in angle brackets.
 * Attributes are passed over, prefixes of names left out. Linear in its input, and a long one lets others have their turn meanwhile. Pure.
 */
import { setImmediate } from 'node:timers/promises'
import { ReportFault } from 'posthouse/api'

export interface Element {
  readonly name: string
  /** Of its own, without what stands in its children; trimmed, cut where it is long. */
  text: string
  readonly children: Element[]
}

const MAX_DEPTH = 20
const MAX_ELEMENTS = 250_000
/** Tags, comments and what else begins with `<`. */
const MAX_MARKUP = 600_000
const PAUSE_EVERY = 10_000
/** `<` that begins no tag. */
const MAX_STRAY = 1000
const MAX_TEXT = 1000
const ATTRIBUTE = /\s{1,100}[^\s=<>"'/]{1,200}\s{0,100}=\s{0,100}(?:"[^"<]{0,2000}"|'[^'<]{0,2000}')/.source
const OPENING = new RegExp(`<([A-Za-z_][\\w.:-]{0,99})(?:${ATTRIBUTE}){0,50}\\s{0,100}(/?)>`, 'y')
const CLOSING = /<\/([A-Za-z_][\w.:-]{0,99})\s{0,100}>/y
const ENTITY = /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));/gi
const NAMED: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

/** The first element of that name, wherever it stands; what follows it is not looked at. Throws `ReportFault`. */
export function readElement(text: string, name: string): Promise<Element> {
  return new Tree(text, name).read()
}

class Tree {
  readonly #text: string
  readonly #wanted: string
  readonly #open: Element[] = []
  #at = 0
  #count = 0
  #stray = 0
  #begun = false
  #found: Element | undefined

  constructor(text: string, wanted: string) {
    this.#text = text
    this.#wanted = wanted
  }

  async read(): Promise<Element> {
    for (let i = 1; this.#found === undefined; i += 1) {
      if (i > MAX_MARKUP) throw new ReportFault('it has too many elements')
      if (i % PAUSE_EVERY === 0) await setImmediate()
      const next = this.#text.indexOf('<', this.#at)
      if (next < 0) throw new ReportFault(this.#withoutEnd())
      this.#add(this.#text.slice(this.#at, next), true)
      this.#at = next
      this.#markup()
    }
    return this.#found
  }

  #withoutEnd(): string {
    if (this.#count === 0) return 'it is not XML'
    return this.#begun ? 'it ends in the middle' : `it has no ${this.#wanted} in it`
  }

  #markup(): void {
    if (this.#text.startsWith('<!--', this.#at)) this.#skipTo('-->')
    else if (this.#text.startsWith('<![CDATA[', this.#at)) this.#add(this.#skipTo(']]>').slice(9, -3), false)
    else if (this.#text.startsWith('<!', this.#at)) throw new ReportFault('it declares a type of its own')
    else if (this.#text.startsWith('<?', this.#at)) this.#skipTo('?>')
    else this.#tag()
  }

  #skipTo(end: string): string {
    const from = this.#at
    const to = this.#text.indexOf(end, from)
    if (to < 0) throw new ReportFault('it ends in the middle')
    this.#at = to + end.length
    return this.#text.slice(from, this.#at)
  }

  #tag(): void {
    const closing = this.#match(CLOSING)
    const opening = closing === undefined ? this.#match(OPENING) : undefined
    if (closing !== undefined) this.#close(plain(closing[1]!))
    else if (opening !== undefined) this.#openOne(plain(opening[1]!), opening[2] === '/')
    else this.#strayOne()
  }

  #strayOne(): void {
    this.#stray += 1
    if (this.#stray > MAX_STRAY) throw new ReportFault('it is hardly XML')
    this.#add('<', false)
    this.#at += 1
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text) ?? undefined
    if (found !== undefined) this.#at += found[0].length
    return found
  }

  #openOne(name: string, empty: boolean): void {
    this.#count += 1
    if (this.#count > MAX_ELEMENTS) throw new ReportFault('it has too many elements')
    if (this.#open.length >= MAX_DEPTH) throw new ReportFault('its elements are nested too deep')
    const element: Element = { name, text: '', children: [] }
    this.#open.at(-1)?.children.push(element)
    this.#open.push(element)
    this.#begun ||= name === this.#wanted
    if (empty) this.#close(name)
  }

  #close(name: string): void {
    const element = this.#open.pop()
    if (element?.name !== name) throw new ReportFault('its tags do not match')
    element.text = element.text.trim().replace(/\s+/g, ' ')
    if (name === this.#wanted) this.#found = element
  }

  #add(text: string, coded: boolean): void {
    const element = this.#open.at(-1)
    if (element === undefined || text === '' || element.text.length >= MAX_TEXT) return
    const piece = text.slice(0, MAX_TEXT)
    element.text = `${element.text}${coded ? decoded(piece) : piece}`.slice(0, MAX_TEXT)
  }
}

function plain(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1)
}

function decoded(text: string): string {
  return text.replace(ENTITY, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return NAMED.get(name.toLowerCase()) ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** The first child of that name. */
export function childOf(element: Element | undefined, name: string): Element | undefined {
  return element?.children.find(one => one.name === name)
}

export function childrenOf(element: Element | undefined, name: string): readonly Element[] {
  return element?.children.filter(one => one.name === name) ?? []
}

/** Of the first child of that name; '' when there is none. */
export function textOf(element: Element | undefined, name: string): string {
  return childOf(element, name)?.text ?? ''
}
