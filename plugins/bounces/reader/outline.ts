/**
 * A mail, laid out for reading: its header, its parts as text, and the header of the message that it returns. Only the beginning of a
 * long mail is looked at; depth, parts and text are bounded.
 */
import {
  decodeCharset,
  decodeTransfer,
  decodeWords,
  type Field,
  htmlToText,
  type MimePart,
  scanHeader,
  scanMime,
} from 'posthouse/text'
import type { Hop, Returned } from './reading.js'
import { addressesIn, line } from './words.js'

export interface Outline {
  readonly header: readonly Field[]
  /** `multipart/report`, lower case. */
  readonly type: string
  readonly reportType: string
  /** Parts for people, in order. */
  readonly text: string
  /** Bodies of parts for programs, by type. */
  readonly status: readonly string[]
  readonly feedback: readonly string[]
  readonly receipt: boolean
  /** Header of what was returned, when it stands in a part of its own. */
  readonly returned?: readonly Field[]
  /** The message that was returned, for a second look: some systems wrap bounces in bounces. */
  readonly inner?: Buffer
}

const MAX_BYTES = 1024 * 1024
const MAX_PART = 256 * 1024
const MAX_TEXT = 256 * 1024
const LIMITS = { depth: 20, parts: 200 }
/** Fields that a message has and a part has not. */
const OF_MESSAGE = new Set(['from', 'to', 'subject', 'received', 'message-id', 'return-path', 'date'])

export function outline(mail: Buffer): Outline {
  const bytes = withLineFeeds(mail.subarray(0, MAX_BYTES))
  const { root } = scanMime(bytes, LIMITS)
  const found = new Finds(bytes)
  found.visit(root, 0)
  return {
    header: root.header,
    type: `${root.type}/${root.subtype}`,
    reportType: (root.params.get('report-type') ?? '').toLowerCase(),
    text: (found.plain.length > 0 ? found.plain : found.html).join('\n\n').slice(0, MAX_TEXT),
    status: found.status,
    feedback: found.feedback,
    receipt: found.receipt,
    ...(found.returned === undefined ? {} : { returned: found.returned }),
    ...(found.inner === undefined ? {} : { inner: found.inner }),
  }
}

/** Every way of ending a line as LF; a line of the mbox format in front of the header is passed over. */
function withLineFeeds(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1')
  const lined = text.includes('\r') ? text.replace(/\r*\n|\r/g, '\n') : text
  const start = lined.startsWith('From ') ? lined.indexOf('\n') + 1 : 0
  return Buffer.from(start === 0 ? lined : lined.slice(start), 'latin1')
}

class Finds {
  readonly plain: string[] = []
  readonly html: string[] = []
  readonly status: string[] = []
  readonly feedback: string[] = []
  receipt = false
  returned: readonly Field[] | undefined
  inner: Buffer | undefined
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  visit(part: MimePart, depth: number): void {
    if (depth > LIMITS.depth) return
    const kind = `${part.type}/${part.subtype}`
    if (depth > 0 && this.#isMessageWithoutType(part)) this.#return(part.header, part)
    else if (part.message !== undefined) this.#return(part.message.header, part)
    else if (part.children.length > 0) for (const child of part.children) this.visit(child, depth + 1)
    else if (part.type === 'message' || kind === 'text/rfc822-headers') this.#special(kind, part)
    else if (part.type === 'text' || part.type === 'multipart') this.#text(part)
  }

  #special(kind: string, part: MimePart): void {
    // RFC 6533 §4: the UTF-8 forms may be encoded, and some encode the old ones too
    const body = this.#body(part)
    if (kind === 'message/delivery-status' || kind === 'message/global-delivery-status') this.status.push(body)
    else if (kind === 'message/feedback-report') this.feedback.push(body)
    else if (kind.endsWith('disposition-notification')) this.receipt = true
    else if (/rfc822|global|headers/.test(kind)) this.#return(scanHeader(Buffer.from(body)).fields, part)
  }

  #return(header: readonly Field[], part: MimePart): void {
    if (this.returned !== undefined && this.returned.length > 0) return
    this.returned = header
    this.inner = this.#bytes.subarray(part.message === undefined ? part.headerStart : part.start, part.end)
  }

  /** The returned message as a part, without the empty line between. */
  #isMessageWithoutType(part: MimePart): boolean {
    return part.header.filter(({ name }) => OF_MESSAGE.has(name.toLowerCase())).length >= 3
  }

  #text(part: MimePart): void {
    if (part.type === 'text' && part.subtype === 'html') this.html.push(htmlToText(this.#body(part), MAX_PART).text)
    else this.plain.push(this.#body(part))
  }

  #body(part: MimePart): string {
    const raw = this.#bytes.subarray(part.start, Math.min(part.end, part.start + MAX_PART))
    return decodeCharset(decodeTransfer(raw, part.encoding), part.params.get('charset') ?? 'us-ascii')
  }
}

/** The first field of that name, its encoded words decoded. */
export function fieldOf(header: readonly Field[], name: string): string | undefined {
  const found = header.find(field => field.name.toLowerCase() === name)
  return found === undefined ? undefined : decodeWords(found.raw)
}

export function returnedOf(header: readonly Field[]): Returned {
  const messageId = /<[^<>\s]{1,300}>/.exec(fieldOf(header, 'message-id') ?? '')?.[0]
  const subject = fieldOf(header, 'subject')
  const [from] = addressesIn((fieldOf(header, 'from') ?? '').slice(0, 2000))
  const to = ['to', 'cc', 'x-envelope-to', 'envelope-to'].flatMap(name =>
    addressesIn((fieldOf(header, name) ?? '').slice(0, 20_000)),
  )
  const hops = header.filter(({ name }) => name.toLowerCase() === 'received').slice(0, 50)
  return {
    ...(messageId === undefined ? {} : { messageId }),
    ...(from === undefined ? {} : { from }),
    to: [...new Set(to)].slice(0, 100),
    ...(subject === undefined ? {} : { subject: line(subject, 200) }),
    hops: hops.flatMap(({ raw }) => hopOf(raw.slice(0, 4000))),
  }
}

/** RFC 5321 §4.4 */
function hopOf(raw: string): readonly Hop[] {
  const by = /(?:^|\s)by\s{1,5}([^\s;()]{1,255})/i.exec(raw)?.[1]
  if (by === undefined) return []
  const id = /\sid\s{1,5}<?([^\s;()<>]{1,200})/i.exec(raw)?.[1]
  return [{ by: by.toLowerCase(), ...(id === undefined ? {} : { id }) }]
}
