/**
 * The simple rules of `<style>`: those for a class, an id, a tag, or a tag of a class. What stands in a media query is for other screens,
 * and what depends on neighbours is left out. Bounded; linear.
 */
import { type Declared, readDeclarations, together } from './html-style.js'
import type { Tag } from './html-tag.js'

const STYLE = /<style\b([^>]{0,200})>/gi
const MAX_CSS = 64 * 1024
const MAX_RULES = 1000
/** Read at all: many may be of the same name. */
const MAX_READ = 2000
const SELECTOR = /^([a-z][a-z0-9]{0,20})?(?:([.#])([\w-]{1,80}))?$/i
const MAX_CLASSES = 10

export class Sheet {
  /** By `.class`, `#id`, `tag`, `tag.class`. */
  readonly #rules = new Map<string, Declared>()
  #tags = false
  #read = 0

  static of(html: string): Sheet | undefined {
    let sheet: Sheet | undefined
    let left = MAX_CSS
    STYLE.lastIndex = 0
    for (let found = STYLE.exec(html); found !== null && left > 0; found = STYLE.exec(html)) {
      const start = STYLE.lastIndex
      const close = html.indexOf('</', start)
      const end = close < 0 ? html.length : close
      if (!/media\s*=\s*["']?\s*(?:print|only|\()/i.test(found[1]!)) {
        sheet ??= new Sheet()
        sheet.#take(html.slice(start, Math.min(end, start + left)))
      }
      left -= end - start
      STYLE.lastIndex = end
    }
    return sheet !== undefined && sheet.#rules.size > 0 ? sheet : undefined
  }

  /** What the rules say of a tag; undefined when none is for it. */
  of({ name, attributes }: Tag): Declared | undefined {
    let declared = this.#tags ? this.#rules.get(name) : undefined
    const classes = attributes.get('class')
    if (classes !== undefined) {
      for (const one of classes.split(/\s+/, MAX_CLASSES)) {
        declared = added(declared, this.#rules.get(`.${one}`))
        declared = added(declared, this.#rules.get(`${name}.${one}`))
      }
    }
    const id = attributes.get('id')
    return id === undefined ? declared : added(declared, this.#rules.get(`#${id}`))
  }

  #take(css: string): void {
    let at = 0
    const bare = css.includes('/*') ? css.replace(/\/\*[\s\S]*?(?:\*\/|$)/g, ' ') : css
    while (at < bare.length && this.#rules.size < MAX_RULES && this.#read++ < MAX_READ) {
      const open = bare.indexOf('{', at)
      if (open < 0) return
      const selectors = bare
        .slice(at, open)
        .replace(/^[\s}]+|<!--|-->/g, '')
        .trim()
      if (selectors.startsWith('@')) {
        at = afterBlock(bare, open, selectors)
        continue
      }
      const close = bare.indexOf('}', open)
      const end = close < 0 ? bare.length : close
      this.#add(selectors, bare.slice(open + 1, Math.min(end, open + 2000)))
      at = end + 1
    }
  }

  #add(selectors: string, body: string): void {
    const declared = readDeclarations(body)
    if (Object.keys(declared).length === 0) return
    for (const one of selectors.split(',', 50)) {
      const found = SELECTOR.exec(one.trim())
      if (found === null || found[0] === '') continue
      const [, tag = '', sign = '', word = ''] = found
      const key = sign === '#' ? `#${word}` : `${tag.toLowerCase()}${sign}${word}`
      if (sign === '') this.#tags = true
      this.#rules.set(key, added(this.#rules.get(key), declared)!)
    }
  }
}

function added(earlier: Declared | undefined, later: Declared | undefined): Declared | undefined {
  if (earlier === undefined || later === undefined) return later ?? earlier
  return together(earlier, later)
}

/** `@import …;` has no block of its own, `@media` holds blocks. */
function afterBlock(css: string, open: number, selectors: string): number {
  const semicolon = css.lastIndexOf(';', open)
  if (/^@(?:import|charset|namespace)/i.test(selectors) && semicolon > open - selectors.length - 5) return semicolon + 1
  let depth = 0
  const braces = /[{}]/g
  braces.lastIndex = open
  for (let found = braces.exec(css); found !== null; found = braces.exec(css)) {
    depth += found[0] === '{' ? 1 : -1
    if (depth <= 0) return braces.lastIndex
  }
  return css.length
}
