/**
 * The view of a message that hooks get. Fields come from the header block in memory and are decoded when asked for;
 * the readable text costs a parse and is made once, on the first call.
 */
import type { HeaderField, Message, MessageText } from '../api/index.js'
import { decodeWords, scanHeader } from '../text/index.js'
import { readableText } from './readable.js'

export interface MessageParts {
  readonly size: number
  /** The header block, with the empty line when there is one. */
  readonly header: Buffer
  /** When they have been scanned already. */
  readonly fields?: readonly HeaderField[]
  /** What is known to be wrong. */
  readonly broken?: readonly string[]
  /** Octets [from, to) of the message. */
  read(from: number, to: number): Promise<Buffer>
}

export function createMessage(parts: MessageParts): Message {
  return new ReceivedMessage(parts)
}

/** A message that is at hand as a whole. */
export function messageOf(bytes: Buffer): Message {
  const { fields, bodyStart, broken } = scanHeader(bytes)
  return createMessage({
    size: bytes.length,
    header: bytes.subarray(0, bodyStart),
    fields,
    broken,
    read: async (from, to) => bytes.subarray(from, to),
  })
}

class ReceivedMessage implements Message {
  readonly size: number
  readonly #parts: MessageParts
  #header: readonly HeaderField[] | undefined
  #byName: Map<string, HeaderField[]> | undefined
  readonly #decoded = new Map<HeaderField, string>()
  #text: Promise<MessageText> | undefined

  constructor(parts: MessageParts) {
    this.#parts = parts
    this.size = parts.size
  }

  get header(): readonly HeaderField[] {
    this.#header ??= this.#parts.fields ?? scanHeader(this.#parts.header).fields
    return this.#header
  }

  field(name: string): string | undefined {
    const field = this.#named(name)[0]
    return field === undefined ? undefined : this.#decode(field)
  }

  fields(name: string): readonly string[] {
    return this.#named(name).map(field => this.#decode(field))
  }

  async read(from = 0, to = this.size): Promise<Buffer> {
    const start = Math.max(0, from)
    const end = Math.min(this.size, to)
    return start < end ? this.#parts.read(start, end) : Buffer.alloc(0)
  }

  text(): Promise<MessageText> {
    this.#text ??= this.#readText()
    return this.#text
  }

  async #readText(): Promise<MessageText> {
    const reading = await readableText(this.#parts)
    const broken = [...new Set([...(this.#parts.broken ?? []), ...reading.broken])]
    return { subject: this.field('subject') ?? '', ...reading, broken }
  }

  #named(name: string): readonly HeaderField[] {
    this.#byName ??= groupByName(this.header)
    return this.#byName.get(name.toLowerCase()) ?? []
  }

  #decode(field: HeaderField): string {
    const known = this.#decoded.get(field)
    if (known !== undefined) return known
    const text = decodeWords(field.raw)
    this.#decoded.set(field, text)
    return text
  }
}

function groupByName(fields: readonly HeaderField[]): Map<string, HeaderField[]> {
  const byName = new Map<string, HeaderField[]>()
  for (const field of fields) {
    const name = field.name.toLowerCase()
    const same = byName.get(name)
    if (same === undefined) byName.set(name, [field])
    else same.push(field)
  }
  return byName
}
