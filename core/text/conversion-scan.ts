/**
 * What must be changed in a message so that it is made of 7-bit octets alone (RFC 6152 §3, RFC 3030 §3; RFC 2045 §6): a list of edits of octet
 * ranges, found in one pass over a stream. Parts are found as `scanMime` finds them. Only a line, a header and the list are in memory.
 * The rule it keeps: what a reader decodes is the same before and after; where that cannot be, there is no conversion.
 */
import { Boundaries, MAX_BOUNDARY } from './boundaries.js'
import { type ChangedField, changedHeader } from './conversion-header.js'
import { type Field, isEmptyLine, lineEnd, scanFields } from './header.js'
import { contentOf } from './mime.js'
import { OctetCount } from './octet-count.js'
import type { TransferEncoding } from './transfer-encode.js'

/** Octets [from, to) of the message become something else. */
export type Edit =
  | { readonly kind: 'replaced'; readonly from: number; readonly to: number; readonly by: Buffer }
  | { readonly kind: 'encoded'; readonly from: number; readonly to: number; readonly as: TransferEncoding }

export type Conversion =
  /** It is made of 7-bit octets already, but for raw text in header fields. */
  | { readonly kind: 'needless' }
  | { readonly kind: 'edits'; readonly edits: readonly Edit[] }
  /** It would not be the same message any more. `status`: RFC 3463 §3.7. */
  | { readonly kind: 'impossible'; readonly status: string; readonly why: string }

interface Part {
  readonly headerStart: number
  readonly start: number
  /** Where the empty line begins; `undefined`: there is none, and so no body. */
  readonly emptyLine: number | undefined
  readonly header: Buffer
  readonly fields: readonly Field[]
  readonly type: string
  readonly subtype: string
  readonly encoding: string
  readonly octets: OctetCount
  /** Lines with octets above 127 that stand before and after the parts inside: one range each. */
  readonly around: [from: number, to: number][]
  /** Begins a message: the root, or one inside. */
  readonly isMessage: boolean
  /** Within something that is signed or encrypted. */
  readonly frozen: boolean
  /** Its header and those around it are read alike by everybody. */
  readonly sound: boolean
  inside: number
}

interface Frame {
  readonly part: Part
  boundary?: string
}

const MAX_DEPTH = 100
const MAX_PARTS = 1000
const MAX_HEADER = 262_144
const MAX_FIELDS = 2000
/** A delimiter line is known by its first octets; longer lines are looked at in pieces. */
const MAX_PIECE = MAX_BOUNDARY + 1024
const COLON = 58
const PLAIN = new Set(['7bit', '8bit', 'binary'])
const SEALED = new Set(['signed', 'encrypted'])

export class ConversionScan {
  /** A header, of the message or of a part, has octets above 127: raw text (RFC 6532 §3.2). */
  rawFields = false
  readonly #binary: boolean
  readonly #stack: Frame[] = []
  readonly #boundaries = new Boundaries()
  readonly #edits: Edit[] = []
  #obstacle: Extract<Conversion, { kind: 'impossible' }> | undefined
  /** More than labels changes. */
  #needed = false
  #parts = 0
  #rest = Buffer.alloc(0)
  #at = 0
  #lineStart = true
  /** Of the part whose header is being read. */
  #header:
    | { readonly start: number; readonly digest: boolean; readonly isMessage: boolean; lines: Buffer[] }
    | undefined

  /** `binary`: bare line ends, NUL and endless lines have to go too. */
  constructor(binary: boolean) {
    this.#binary = binary
    this.#header = { start: 0, digest: false, isMessage: true, lines: [] }
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (let lf = bytes.indexOf(10); lf >= 0; lf = bytes.indexOf(10, at)) {
      this.#piece(bytes.subarray(at, lf + 1))
      this.#lineStart = true
      at = lf + 1
    }
    if (bytes.length - at > MAX_PIECE) {
      this.#piece(bytes.subarray(at))
      this.#lineStart = false
      at = bytes.length
    }
    this.#rest = Buffer.from(bytes.subarray(at))
  }

  end(): Conversion {
    if (this.#rest.length > 0) this.#piece(this.#rest)
    if (this.#header !== undefined) this.#open(this.#at, undefined)
    this.#closeAbove(-1, this.#at, 0)
    if (this.#obstacle !== undefined) return this.#obstacle
    if (!this.#needed) return { kind: 'needless' }
    return { kind: 'edits', edits: this.#edits.toSorted((a, b) => a.from - b.from) }
  }

  /** A line with its end, or a part of a very long one. */
  #piece(bytes: Buffer): void {
    const found = this.#lineStart ? this.#boundaries.at(bytes, 0) : undefined
    if (this.#header !== undefined) {
      if (this.#lineStart && isEmptyLine(bytes, 0)) this.#open(this.#at + bytes.length, this.#at)
      else if (found === undefined) this.#keepHeader(bytes)
      else this.#open(this.#at, undefined)
    } else if (found === undefined) this.#own(bytes)
    if (found !== undefined) this.#delimiter(found.owner, found.closing, this.#at + bytes.length)
    this.#at += bytes.length
  }

  #own(bytes: Buffer): void {
    const { octets, around, inside, type } = this.#deepest
    const before = octets.above127
    octets.push(bytes)
    if (type !== 'multipart' || octets.above127 === before) return
    const range = around[inside === 0 ? 0 : 1] ?? [this.#at, this.#at]
    range[1] = this.#at + bytes.length
    around[inside === 0 ? 0 : 1] = range
  }

  get #deepest(): Part {
    return this.#stack.at(-1)!.part
  }

  #keepHeader(bytes: Buffer): void {
    const { lines, start } = this.#header!
    if (this.#at + bytes.length - start > MAX_HEADER) this.#stop('5.6.5', 'one of its headers is too long')
    else lines.push(Buffer.from(bytes))
  }

  /** The header is whole: the part begins, and with it perhaps a message inside. */
  #open(start: number, emptyLine: number | undefined): void {
    const { start: headerStart, digest, isMessage, lines } = this.#header!
    const header = Buffer.concat(lines)
    if (header.some(octet => octet > 127)) this.rawFields = true
    const { fields } = scanFields(header, 0, header.length, MAX_FIELDS)
    const { type, subtype, encoding, params } = contentOf(fields, digest)
    const above = this.#stack.at(-1)?.part
    const frozen = above !== undefined && (above.frozen || (above.type === 'multipart' && SEALED.has(above.subtype)))
    const read = { headerStart, start, emptyLine, header, fields, type, subtype, encoding, isMessage, frozen }
    const sound = (above?.sound ?? true) && isSound(header, fields)
    const frame: Frame = { part: { ...read, sound, octets: new OctetCount(), around: [], inside: 0 } }
    this.#header = undefined
    this.#parts += 1
    const tooMuch = this.#stack.length >= MAX_DEPTH - 1 || this.#parts >= MAX_PARTS
    const boundary = type === 'multipart' ? (params.get('boundary') ?? '') : ''
    if (boundary !== '' && boundary.length <= MAX_BOUNDARY && !tooMuch) {
      frame.boundary = boundary
      this.#boundaries.open(boundary, this.#stack.length)
    }
    this.#stack.push(frame)
    // RFC 2046 §5.2.1: a message inside is not encoded; what claims to be stays closed.
    if (type === 'message' && subtype === 'rfc822' && PLAIN.has(encoding) && emptyLine !== undefined && !tooMuch)
      this.#begin(start, false, true)
  }

  #begin(start: number, digest: boolean, isMessage: boolean): void {
    this.#deepest.inside += 1
    this.#header = { start, digest, isMessage, lines: [] }
  }

  #delimiter(owner: number, closing: boolean, after: number): void {
    const newline = this.#deepest.octets.lastNewline
    this.#closeAbove(owner, this.#at, newline)
    const frame = this.#stack[owner]!
    if (closing) {
      this.#boundaries.close(frame.boundary!)
      delete frame.boundary
    } else this.#begin(after, frame.part.subtype === 'digest', false)
  }

  /** Ends the parts above a place in the stack; the line end before a delimiter belongs to the delimiter. */
  #closeAbove(owner: number, at: number, newline: number): void {
    while (this.#stack.length > owner + 1) {
      const { part, boundary } = this.#stack.pop()!
      if (boundary !== undefined) this.#boundaries.close(boundary)
      this.#close(part, Math.max(part.start, at - newline))
    }
  }

  #close(part: Part, end: number): void {
    if (part.inside > 0) this.#closeContainer(part)
    else if (part.encoding === 'quoted-printable') this.#mend(part, end, 'mended quoted-printable')
    else if (part.encoding === 'base64') this.#mend(part, end, 'mended base64')
    else if (this.#isUnfit(part)) this.#encode(part, end)
    else this.#relabel(part)
  }

  #isUnfit({ octets }: Part): boolean {
    return octets.above127 > 0 || (this.#binary && !octets.isText)
  }

  /** RFC 2046 §5.1.1: what stands around the parts is for nobody. */
  #closeContainer(part: Part): void {
    const ranges = part.around.filter(range => range !== undefined)
    if (ranges.length > 0 && !this.#isHindered(part)) for (const [from, to] of ranges) this.#encoded(from, to, 'masked')
    this.#relabel(part)
  }

  #mend(part: Part, end: number, as: TransferEncoding): void {
    if (part.octets.above127 === 0 || this.#isHindered(part)) return
    this.#encoded(part.start, end, as)
  }

  #encode(part: Part, end: number): void {
    if (this.#isHindered(part)) return
    const why = whyNot(part)
    if (why !== undefined) {
      this.#stop('5.6.5', why)
      return
    }
    const as = part.octets.suits(part.type === 'text')
    this.#change(part, { encoding: as, encoded: true })
    this.#encoded(part.start, end, as)
  }

  /** RFC 2045 §6.4: what holds only 7-bit parts says so. */
  #relabel(part: Part): void {
    if (!part.frozen && (part.encoding === '8bit' || part.encoding === 'binary'))
      this.#change(part, { encoding: '7bit', encoded: false })
  }

  #encoded(from: number, to: number, as: TransferEncoding): void {
    this.#needed = true
    this.#edits.push({ kind: 'encoded', from, to, as })
  }

  #change(part: Part, change: ChangedField): void {
    const { headerStart: at } = part
    for (const { from, to, by } of changedHeader(part, change))
      this.#edits.push({ kind: 'replaced', from: at + from, to: at + to, by })
  }

  #isHindered({ frozen }: Part): boolean {
    if (frozen) this.#stop('5.6.2', 'a part that is signed or encrypted would no longer be what was signed')
    return frozen
  }

  #stop(status: string, why: string): void {
    this.#obstacle ??= { kind: 'impossible', status, why }
  }
}

function whyNot({ type, subtype, encoding, sound }: Part): string | undefined {
  // RFC 2046 §5: multiparts and messages are never encoded themselves. RFC 6532 §3.5: but these are.
  if (type === 'multipart' || (type === 'message' && !subtype.startsWith('global')))
    return `a part of type ${type}/${subtype} cannot be encoded`
  if (/^x-|uu/.test(encoding)) return `a part has the encoding ${encoding}, which is not known here`
  return sound ? undefined : 'a line in the header of a part is no header field'
}

/** Lines that are no fields, or have a space before the colon, end the header for some readers and not for others. The envelope line of a mailbox file is known to all. */
function isSound(header: Buffer, fields: readonly Field[]): boolean {
  let at = header.toString('latin1', 0, 5) === 'From ' ? lineEnd(header, 0) : 0
  for (const field of fields) {
    if (field.start !== at || header[at + field.name.length] !== COLON) return false
    at = field.end
  }
  return at === header.length
}
