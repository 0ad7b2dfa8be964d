/**
 * A whole message read as a reader would: its text in order, what is hidden in it, its links, its files, and the facts of every part.
 * One pass over the parts that `scanMime` finds, with a budget of octets for text, so that what is huge costs no more than what is large.
 * Pure and never throws: what is wrong is said in `broken`. The subject is not in it, since it needs no body.
 */
import { bothEnds } from './ends.js'
import { type HtmlText, htmlToText } from './html.js'
import { type HtmlFacts, NO_HTML } from './html-facts.js'
import { type MimePart, scanMime } from './mime.js'
import type { PartFacts } from './part-facts.js'
import { type LookedAt, lookAtPart } from './part-look.js'

export interface Reading {
  readonly body: string
  readonly hidden: string
  readonly html: string
  readonly htmlFacts: HtmlFacts
  readonly links: HtmlText['links']
  readonly attached: string
  readonly attachedLinks: HtmlText['links']
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly size: number }[]
  readonly parts: readonly PartFacts[]
  readonly broken: readonly string[]
}

export interface ReadingLimits {
  readonly parts?: number
  /** Of text, decoded; of more both ends are read. */
  readonly textOctets?: number
}

const MAX_PARTS = 1000
const MAX_TEXT_OCTETS = 1024 * 1024
const MAX_ATTACHED_OCTETS = 256 * 1024
const MAX_FACTS = 200
const MAX_BROKEN = 30
const MAX_CHARS = 1_000_000

export function readMessage(bytes: Buffer, limits: ReadingLimits = {}): Reading {
  const { root, broken } = scanMime(bytes, { parts: limits.parts ?? MAX_PARTS })
  const reader = new Reader(bytes, limits.textOctets ?? MAX_TEXT_OCTETS, broken)
  reader.read(root)
  return reader.finish()
}

class Reader {
  readonly #bytes: Buffer
  readonly #broken: string[]
  readonly #facts: PartFacts[] = []
  readonly #body: string[] = []
  readonly #html: string[] = []
  readonly #links: HtmlText['links'][number][] = []
  readonly #attached: string[] = []
  readonly #attachedLinks: HtmlText['links'][number][] = []
  readonly #attachments: { name: string; type: string; size: number }[] = []
  #left: number
  #attachedLeft = MAX_ATTACHED_OCTETS

  constructor(bytes: Buffer, textOctets: number, broken: string[]) {
    this.#bytes = bytes
    this.#left = textOctets
    this.#broken = broken
  }

  read(root: MimePart): void {
    const waiting: { part: MimePart; depth: number; parent?: MimePart; apart: boolean }[] = [
      { part: root, depth: 0, apart: false },
    ]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { part, depth, parent, apart } = next
      const looked = lookAtPart(this.#bytes, part, { depth, ...(parent !== undefined && { parent }) })
      if (this.#facts.length < MAX_FACTS) this.#facts.push(looked.facts)
      const asFile = apart || looked.facts.role === 'file'
      if (looked.facts.role === 'file' || looked.facts.role === 'inline') this.#file(looked)
      this.#take(looked, asFile)
      for (const child of part.children.toReversed())
        waiting.push({ part: child, depth: depth + 1, parent: part, apart })
      if (part.message !== undefined)
        waiting.push({ part: part.message, depth: depth + 1, parent: part, apart: asFile })
    }
  }

  #file({ facts }: LookedAt): void {
    if (this.#attachments.length >= MAX_FACTS) return
    this.#attachments.push({ name: facts.name, type: facts.type, size: facts.size })
  }

  #take({ readAs, text }: LookedAt, apart: boolean): void {
    if (readAs === undefined) return
    const most = apart ? this.#attachedLeft : this.#left
    if (most <= 0) return
    const content = text(most)
    if (apart) this.#attachedLeft -= content.length
    else this.#left -= content.length
    const into = apart ? this.#attached : this.#body
    if (readAs !== 'html') {
      into.push(content)
      return
    }
    if (!apart) this.#html.push(content)
    const read = htmlToText(content)
    into.push(read.text)
    const links = apart ? this.#attachedLinks : this.#links
    links.push(...read.links)
  }

  finish(): Reading {
    return {
      body: joined(this.#body),
      hidden: '',
      html: bothEnds(this.#html.join('\n'), MAX_CHARS),
      htmlFacts: NO_HTML,
      links: this.#links,
      attached: joined(this.#attached),
      attachedLinks: this.#attachedLinks,
      attachments: this.#attachments,
      parts: this.#facts,
      broken: this.#broken.slice(0, MAX_BROKEN),
    }
  }
}

function joined(texts: readonly string[]): string {
  return bothEnds(texts.filter(text => text !== '').join('\n'), MAX_CHARS)
}
