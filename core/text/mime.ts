/**
 * The structure of a message: its parts and where their octets are (RFC 2045, 2046). One pass from front to back with a
 * stack of open multiparts, no recursion, so neither depth nor number of parts costs more than the octets themselves.
 * Nothing is decoded and nothing is refused: what is wrong is noted in `broken`, and what is too deep or too many stays one part.
 */
import { Boundaries, MAX_BOUNDARY } from './boundaries.js'
import { type Field, isEmptyLine, lineEnd, scanFields } from './header.js'
import { parseParameters } from './parameters.js'

export interface MimePart {
  /** IMAP's part number: `1.2`; '' for the root. The root of a message inside part `2` has path `2` too. */
  readonly path: string
  /** Lower case, as `subtype`. A multipart whose boundary is missing or never comes has no children. */
  readonly type: string
  readonly subtype: string
  /** Decoded; without a Content-Type there is `charset` us-ascii. */
  readonly params: Map<string, string>
  readonly id?: string
  readonly description?: string
  /** Lower case; 7bit when not said. */
  readonly encoding: string
  readonly md5?: string
  readonly disposition?: { readonly value: string; readonly params: Map<string, string> }
  readonly language?: readonly string[]
  readonly location?: string
  readonly headerStart: number
  /** After the empty line; the same as `start`. */
  readonly headerEnd: number
  /** Octets [start, end) of the body. The line end before a delimiter belongs to the delimiter. */
  readonly start: number
  end: number
  /** Lines of the body; an open last line counts. */
  lines: number
  readonly children: MimePart[]
  /** A multipart that nothing closes. */
  unended?: true
  /** For message/rfc822: the message inside. */
  message?: MimePart
  readonly header: readonly Field[]
}

export interface MimeLimits {
  readonly depth?: number
  readonly parts?: number
  /** `false`: nobody asks for `lines`, and they are not counted. */
  readonly lines?: boolean
}

interface Frame {
  readonly part: MimePart
  /** Of an open multipart. */
  boundary?: string
}

const LF = 10
const LETTER_C = 99
/** `content-id` */
const SHORTEST = 10
const CR = 13
const MAX_FIELDS = 20_000
const MAX_FIELDS_OF_PART = 1000
const MAX_COMPLAINTS = 50
const TYPE = /^([!#$%&'*+\-.^_`{|}~0-9a-z]{1,127})\s{0,10}\/\s{0,10}([!#$%&'*+\-.^_`{|}~0-9a-z]{1,127})$/i
const PLAIN = new Set(['7bit', '8bit', 'binary'])

export function scanMime(bytes: Buffer, limits: MimeLimits = {}): { root: MimePart; broken: string[] } {
  const scan = new Scan(bytes, limits.depth ?? 100, limits.parts ?? 1000, limits.lines ?? true)
  return { root: scan.run(), broken: scan.broken }
}

class Scan {
  readonly broken: string[] = []
  readonly #bytes: Buffer
  readonly #maxDepth: number
  readonly #maxParts: number
  readonly #stack: Frame[] = []
  readonly #boundaries = new Boundaries()
  readonly #lines: LineCounter
  #parts = 0
  #fields = 0

  constructor(bytes: Buffer, maxDepth: number, maxParts: number, lines: boolean) {
    this.#bytes = bytes
    this.#maxDepth = maxDepth
    this.#maxParts = maxParts
    this.#lines = new LineCounter(bytes, lines)
  }

  run(): MimePart {
    const root = this.#open('', 0, false)
    let at = this.#deepest().start
    for (;;) {
      const found = this.#boundaries.next(this.#bytes, at)
      if (found === undefined) break
      if (!found.closing && this.#parts >= this.#maxParts) {
        this.#complain(`more than ${this.#maxParts} parts`)
        break
      }
      this.#closeAbove(found.owner, found.start)
      if (found.closing) this.#closeBoundary(found.owner)
      else this.#openChild(found.end)
      at = found.closing ? found.end : this.#deepest().start
    }
    if (this.#boundaries.size > 0) this.#complain('a multipart has no end')
    this.#closeAbove(-1, this.#bytes.length)
    return root
  }

  #deepest(): MimePart {
    return this.#stack[this.#stack.length - 1]!.part
  }

  #openChild(at: number): void {
    const parent = this.#deepest()
    const path = parent.path === '' ? `${parent.children.length + 1}` : `${parent.path}.${parent.children.length + 1}`
    parent.children.push(this.#open(path, at, parent.subtype === 'digest'))
  }

  /** Opens a part, and the messages directly inside of it. */
  #open(path: string, at: number, digest: boolean): MimePart {
    const first = this.#push(path, at, digest)
    let part = first
    while (holdsMessage(part)) {
      if (this.#stack.length >= this.#maxDepth || this.#parts >= this.#maxParts) {
        this.#complain(`messages nested deeper than ${this.#maxDepth}`)
        break
      }
      part.message = this.#push(part.path === '' ? '1' : part.path, part.start, false)
      part = part.message
    }
    return first
  }

  #push(path: string, at: number, digest: boolean): MimePart {
    const part = this.#readPart(path, at, digest)
    const frame: Frame = { part }
    this.#parts += 1
    const boundary = this.#boundaryOf(part)
    if (boundary !== undefined) {
      frame.boundary = boundary
      this.#boundaries.open(boundary, this.#stack.length)
    }
    this.#stack.push(frame)
    return part
  }

  #boundaryOf(part: MimePart): string | undefined {
    if (part.type !== 'multipart') return undefined
    const boundary = part.params.get('boundary') ?? ''
    if (boundary === '' || boundary.length > MAX_BOUNDARY) {
      this.#complain(`multipart ${part.path} has no boundary`)
      return undefined
    }
    if (this.#stack.length < this.#maxDepth - 1) return boundary
    this.#complain(`parts nested deeper than ${this.#maxDepth}`)
    return undefined
  }

  #readPart(path: string, at: number, digest: boolean): MimePart {
    const headerEnd = this.#headerEnd(at)
    const most = Math.min(MAX_FIELDS_OF_PART, MAX_FIELDS - this.#fields)
    const { fields, broken } = scanFields(this.#bytes, at, headerEnd, most)
    this.#fields += fields.length
    for (const complaint of broken) this.#complain(path === '' ? complaint : `part ${path}: ${complaint}`)
    return { path, ...contentOf(fields, digest), ...this.#range(at, headerEnd), children: [], header: fields }
  }

  #range(
    headerStart: number,
    headerEnd: number,
  ): Pick<MimePart, 'headerStart' | 'headerEnd' | 'start' | 'end' | 'lines'> {
    return { headerStart, headerEnd, start: headerEnd, end: headerEnd, lines: -this.#lines.at(headerEnd) }
  }

  /** After the empty line, or where a delimiter cuts the header short. */
  #headerEnd(from: number): number {
    let at = from
    while (at < this.#bytes.length) {
      if (isEmptyLine(this.#bytes, at)) return lineEnd(this.#bytes, at)
      if (this.#boundaries.size > 0 && this.#boundaries.at(this.#bytes, at) !== undefined) return at
      at = lineEnd(this.#bytes, at)
    }
    return at
  }

  /** Ends all parts above a place in the stack; `at` is the start of the delimiter line or the end of the message. */
  #closeAbove(owner: number, at: number): void {
    const lines = this.#lines.at(at)
    while (this.#stack.length > owner + 1) {
      const { part, boundary } = this.#stack.pop()!
      if (boundary !== undefined) {
        this.#boundaries.close(boundary)
        part.unended = true
      }
      this.#end(part, at, lines)
    }
  }

  #end(part: MimePart, at: number, lines: number): void {
    const newline = this.#newlineBefore(part, at)
    part.end = at - newline
    // `lines` holds minus the count at the start. A line end given to the delimiter still ended a line of ours, unless it stands alone.
    part.lines += lines
    const open = part.end > part.start && this.#bytes[part.end - 1] !== LF
    if (newline > 0) part.lines -= open ? 0 : 1
    else if (open) part.lines += 1
  }

  /** Length of the line end before a delimiter; none when nothing of the part (or of a part inside it) stands before. */
  #newlineBefore(part: MimePart, at: number): number {
    const inner = part.message ?? part.children[part.children.length - 1]
    if (at === this.#bytes.length || at <= part.start || inner?.end === at) return 0
    return this.#bytes[at - 2] === CR && at - 2 >= part.start ? 2 : 1
  }

  #closeBoundary(owner: number): void {
    const frame = this.#stack[owner]!
    this.#boundaries.close(frame.boundary!)
    delete frame.boundary
  }

  #complain(text: string): void {
    if (this.broken.length < MAX_COMPLAINTS) this.broken.push(text)
  }
}

/** Counts line feeds up to growing offsets; each octet is looked at once. */
class LineCounter {
  readonly #bytes: Buffer
  readonly #wanted: boolean
  #at = 0
  #count = 0

  constructor(bytes: Buffer, wanted: boolean) {
    this.#bytes = bytes
    this.#wanted = wanted
  }

  at(offset: number): number {
    if (!this.#wanted) return 0
    for (; this.#at < offset; this.#at++) {
      if (this.#bytes[this.#at] === LF) this.#count += 1
    }
    return this.#count
  }
}

/** RFC 2046 §5.2.1: a message inside may not be encoded; when it is, it stays closed. */
function holdsMessage(part: MimePart): boolean {
  return part.type === 'message' && (part.subtype === 'rfc822' || part.subtype === 'global') && PLAIN.has(part.encoding)
}

export type Content = Pick<
  MimePart,
  'type' | 'subtype' | 'params' | 'id' | 'description' | 'encoding' | 'md5' | 'disposition' | 'language' | 'location'
>

/** `digest`: the part stands in a multipart/digest. */
export function contentOf(fields: readonly Field[], digest: boolean): Content {
  const raw = new Map<string, string>()
  for (const field of fields) {
    // Most fields are others, and soon told.
    if (field.name.length < SHORTEST || (field.name.charCodeAt(0) | 32) !== LETTER_C) continue
    const name = field.name.toLowerCase()
    if (name.startsWith('content-') && !raw.has(name)) raw.set(name, field.raw)
  }
  const id = raw.get('content-id')
  const description = raw.get('content-description')
  const md5 = raw.get('content-md5')
  const location = raw.get('content-location')
  const disposition = raw.get('content-disposition')
  const language = raw.get('content-language')
  return {
    ...typeOf(raw.get('content-type'), digest),
    encoding: encodingOf(raw.get('content-transfer-encoding')),
    ...(id !== undefined && { id }),
    ...(description !== undefined && { description }),
    ...(md5 !== undefined && { md5 }),
    ...(location !== undefined && { location }),
    ...(disposition !== undefined && { disposition: dispositionOf(disposition) }),
    ...(language !== undefined && { language: languagesOf(language) }),
  }
}

/** RFC 2045 §5.2: without a type it is plain text; RFC 2046 §5.1.5: in a digest it is a message. */
function typeOf(raw: string | undefined, digest: boolean): Pick<MimePart, 'type' | 'subtype' | 'params'> {
  if (raw !== undefined) {
    const { value, params, written } = parseParameters(raw)
    const found = TYPE.exec(value)
    // The boundary is octets, compared as written: no encoded words in it.
    const boundary = written.find(([name]) => name.toLowerCase() === 'boundary')?.[1]
    if (boundary !== undefined) params.set('boundary', boundary.trimEnd())
    if (found !== null) return { type: found[1]!.toLowerCase(), subtype: found[2]!.toLowerCase(), params }
  } else if (digest) {
    return { type: 'message', subtype: 'rfc822', params: new Map() }
  }
  return { type: 'text', subtype: 'plain', params: new Map([['charset', 'us-ascii']]) }
}

function encodingOf(raw: string | undefined): string {
  const encoding = parseParameters((raw ?? '').slice(0, 200)).value.toLowerCase()
  return encoding === '' ? '7bit' : encoding
}

function dispositionOf(raw: string): { value: string; params: Map<string, string> } {
  const { value, params } = parseParameters(raw)
  return { value: value.toLowerCase(), params }
}

function languagesOf(raw: string): string[] {
  return raw
    .split(',', 50)
    .map(tag => tag.trim())
    .filter(tag => /^[A-Za-z0-9-]{1,60}$/.test(tag))
}
