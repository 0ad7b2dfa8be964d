/**
 * A whole message read as a reader would: its text in order, what is hidden in it, its links, its files, and the facts of every part.
 * One pass over the parts that `scanMime` finds, with a budget of octets for text, so that what is huge costs no more than what is large.
 * Pure and never throws: what is wrong is said in `broken`. The subject is not in it, since it needs no body.
 */
import { bothEnds } from './ends.js'
import { type HtmlText, readHtml } from './html.js'
import { type HtmlFacts, NO_HTML, togetherInOne } from './html-facts.js'
import { type MimePart, scanMime } from './mime.js'
import type { PartFacts } from './part-facts.js'
import { type LookedAt, lookAtPart } from './part-look.js'
import { octetsOf } from './part-octets.js'
import { decodeWords } from './words.js'

export interface Reading {
  readonly body: string
  readonly hidden: string
  readonly html: string
  readonly htmlFacts: HtmlFacts
  readonly links: HtmlText['links']
  readonly attached: string
  readonly attachedFacts?: HtmlFacts
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
const MAX_OPENED = 3
/** In all: each costs as much as a small mail. */
const MAX_CLOSED = 50
const MAX_SUBJECT = 2000
const MAX_CLOSED_OCTETS = 512 * 1024
const MAX_PARTS_INSIDE = 100
const CLOSED = new Set(['base64', 'quoted-printable'])

export function readMessage(bytes: Buffer, limits: ReadingLimits = {}): Reading {
  const { root, broken } = scanMime(bytes, { parts: limits.parts ?? MAX_PARTS, lines: false })
  const reader = new Reader(bytes, limits.textOctets ?? MAX_TEXT_OCTETS, broken)
  reader.read(root)
  return reader.finish()
}

/** A part that is still to be looked at. */
interface Waiting {
  readonly bytes: Buffer
  readonly part: MimePart
  readonly depth: number
  readonly apart: boolean
  /** How many encoded messages it stands in. */
  readonly opened: number
  /** The root of a message that is inside another. */
  readonly isMessage?: boolean
}

class Reader {
  readonly #bytes: Buffer
  readonly #broken: string[]
  readonly #facts: PartFacts[] = []
  readonly #body: string[] = []
  readonly #html: string[] = []
  readonly #hidden: string[] = []
  readonly #htmlFacts: HtmlFacts[] = []
  readonly #links: HtmlText['links'][number][] = []
  readonly #attached: string[] = []
  readonly #attachedFacts: HtmlFacts[] = []
  readonly #attachedLinks: HtmlText['links'][number][] = []
  readonly #attachments: { name: string; type: string; size: number }[] = []
  #left: number
  #attachedLeft = MAX_ATTACHED_OCTETS
  #closedLeft = MAX_CLOSED

  constructor(bytes: Buffer, textOctets: number, broken: string[]) {
    this.#bytes = bytes
    this.#left = textOctets
    this.#broken = broken
  }

  read(root: MimePart): void {
    const waiting: Waiting[] = [{ bytes: this.#bytes, part: root, depth: 0, apart: false, opened: 0 }]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) waiting.push(...this.#one(next))
  }

  /** Returns what is in it, the last first. */
  #one(here: Waiting): Waiting[] {
    const { bytes, part, depth, apart } = here
    const mostOfFiles = this.#attachedLeft
    const most = apart ? mostOfFiles : this.#left
    const looked = lookAtPart(bytes, part, { depth, apart, most, mostOfFiles })
    const { facts } = looked
    if (this.#facts.length < MAX_FACTS) this.#facts.push(facts)
    if (facts.role === 'file' || facts.role === 'inline') this.#file(facts)
    const asFile = apart || facts.role === 'file'
    // Mail programs show what a message inside is about.
    if (here.isMessage) this.#subject(part, asFile)
    if (looked.readAs !== undefined && (asFile ? mostOfFiles : most) > 0) this.#take(looked, asFile)
    else if (looked.readAs !== undefined) this.#complain('some text was not looked at, as there was too much before it')
    const inside = part.message === undefined ? this.#closedMessage(here) : { part: part.message }
    return [
      ...(inside === undefined ? [] : [{ ...here, depth: depth + 1, apart: asFile, isMessage: true, ...inside }]),
      ...part.children.toReversed().map(child => ({
        ...here,
        part: child,
        isMessage: false,
        depth: depth + 1,
        apart: apart || isReturned(part, child),
      })),
    ]
  }

  #subject({ header }: MimePart, apart: boolean): void {
    const subject = header.find(({ name }) => name.toLowerCase() === 'subject')
    if (subject !== undefined)
      (apart ? this.#attached : this.#body).push(decodeWords(subject.raw.slice(0, MAX_SUBJECT)))
  }

  /** RFC 2046 §5.2.1 forbids to encode a message inside; some do. */
  #closedMessage({ bytes, part, opened }: Waiting): { bytes: Buffer; part: MimePart; opened: number } | undefined {
    const { type, subtype, encoding, start, end } = part
    if (type !== 'message' || subtype !== 'rfc822' || !CLOSED.has(encoding) || opened >= MAX_OPENED) return undefined
    if (this.#closedLeft-- <= 0) {
      this.#complain(`more than ${MAX_CLOSED} messages inside are encoded`)
      return undefined
    }
    const octets = octetsOf({ bytes, start, end, encoding }, MAX_CLOSED_OCTETS)
    const { root, broken } = scanMime(octets, { parts: MAX_PARTS_INSIDE, lines: false })
    for (const complaint of ['a message inside is encoded', ...broken]) this.#complain(complaint)
    return { bytes: octets, part: root, opened: opened + 1 }
  }

  #complain(complaint: string): void {
    if (this.#broken.length < MAX_BROKEN && !this.#broken.includes(complaint)) this.#broken.push(complaint)
  }

  #file({ name, type, size }: PartFacts): void {
    if (this.#attachments.length < MAX_FACTS) this.#attachments.push({ name, type, size })
  }

  #take({ facts, readAs, text, spent, cut }: LookedAt, apart: boolean): void {
    if (apart) this.#attachedLeft -= spent
    else this.#left -= spent
    if (cut) this.#complain(`of a text of ${facts.size} octets both ends were looked at`)
    const into = apart ? this.#attached : this.#body
    if (readAs !== 'html') into.push(text)
    if (readAs === 'plain') return
    const read = readHtml(text)
    into.push(read.text)
    const links = apart ? this.#attachedLinks : this.#links
    for (const link of read.links) links.push(link)
    if (apart) {
      this.#attachedFacts.push(read.facts)
      return
    }
    this.#html.push(text)
    this.#hidden.push(read.hidden)
    this.#htmlFacts.push(read.facts)
  }

  finish(): Reading {
    return {
      body: joined(this.#body),
      hidden: joined(this.#hidden),
      html: bothEnds(this.#html.join('\n'), MAX_CHARS),
      htmlFacts: this.#htmlFacts.length === 0 ? NO_HTML : togetherInOne(this.#htmlFacts),
      links: this.#links,
      attached: joined(this.#attached),
      ...(this.#attachedFacts.length > 0 && { attachedFacts: togetherInOne(this.#attachedFacts) }),
      attachedLinks: this.#attachedLinks,
      attachments: this.#attachments,
      parts: this.#facts,
      broken: this.#broken.slice(0, MAX_BROKEN),
    }
  }
}

/** RFC 6522 §3: what a report is about, such as the mail that comes back, is not what it says. */
function isReturned(report: MimePart, { type, subtype }: MimePart): boolean {
  return report.type === 'multipart' && report.subtype === 'report' && type === 'message' && subtype === 'rfc822'
}

function joined(texts: readonly string[]): string {
  return bothEnds(texts.filter(text => text !== '').join('\n'), MAX_CHARS)
}
