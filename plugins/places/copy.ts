/**
 * The octets of one recipient's copy: our fields, then the message, with LF as files of this machine have it. RFC 5321 §4.4: Return-Path goes in front at
 * final delivery; Delivered-To is what a loop is known by.
 */
import type { Job, JobRecipient } from 'posthouse/api'
import { addressKey, foldField, formatAddress, scanHeader } from 'posthouse/text'

/** A delivery loop shows in the header's first part, or not at all. */
const HEADER_BYTES = 64 * 1024
/** A line that is longer goes on before its end is known. */
const LONGEST_HELD = 64 * 1024

export interface CopyOptions {
  /** A line that would begin a new message in an mbox gets a `>` in front, and one that has some gets one more (mboxrd), so that it can be undone. */
  readonly quoteFrom: boolean
  /** Fields that mailbox programs believe: a stranger's would mark mail as read, or lie about its size. Lower case. */
  readonly without?: ReadonlySet<string>
}

export async function* copyOf(job: Job, recipient: JobRecipient, options: CopyOptions): AsyncIterable<Buffer> {
  const lines = new Lines(options.quoteFrom)
  yield lines.push(Buffer.from(fieldsInFront(job, recipient)))
  const start = await job.read(0, Math.min(job.size, HEADER_BYTES))
  const { without } = options
  let from = 0
  if (without !== undefined) {
    for (const field of scanHeader(start).fields) {
      if (!without.has(field.name.toLowerCase())) continue
      yield lines.push(start.subarray(from, field.start))
      from = field.end
    }
  }
  yield lines.push(start.subarray(from))
  let at = 0
  for await (const chunk of job.chunks()) {
    const skip = Math.min(chunk.length, Math.max(0, start.length - at))
    at += chunk.length
    if (skip < chunk.length) yield lines.push(chunk.subarray(skip))
  }
  yield lines.end()
}

export function fieldsInFront(job: Pick<Job, 'sender'>, { original }: Pick<JobRecipient, 'original'>): string {
  return foldField('Return-Path', `<${formatAddress(job.sender)}>`) + foldField('Delivered-To', addressKey(original))
}

/** Addresses it was delivered to before. */
export async function deliveredTo(job: Job): Promise<ReadonlySet<string>> {
  const { fields } = scanHeader(await job.read(0, Math.min(job.size, HEADER_BYTES)))
  const seen = fields.filter(({ name }) => name.toLowerCase() === 'delivered-to')
  return new Set(seen.map(({ raw }) => Buffer.from(raw, 'latin1').toString().trim().toLowerCase()))
}

/** CRLF to LF, piece by piece; what ends within a line is held back until its end is known. */
class Lines {
  readonly #quote: boolean
  #held = ''
  #within = false
  #last = '\n'

  constructor(quote: boolean) {
    this.#quote = quote
  }

  push(chunk: Buffer): Buffer {
    const text = this.#held + chunk.toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    // A CR at the very end may belong to a CRLF.
    const cut = end > 0 ? end : text.length > LONGEST_HELD ? text.length - (text.endsWith('\r') ? 1 : 0) : 0
    this.#held = text.slice(cut)
    return this.#write(text.slice(0, cut))
  }

  /** The rest, and an end of the last line. */
  end(): Buffer {
    const rest = this.#write(this.#held)
    this.#held = ''
    return this.#last === '\n' ? rest : Buffer.concat([rest, Buffer.from('\n')])
  }

  #write(crlf: string): Buffer {
    if (crlf === '') return Buffer.alloc(0)
    const text = crlf.replaceAll('\r\n', '\n')
    const within = this.#within
    this.#last = text.at(-1)!
    this.#within = this.#last !== '\n'
    if (!this.#quote) return Buffer.from(text, 'latin1')
    const first = within ? text : text.replace(/^(>*From )/, '>$1')
    return Buffer.from(first.replace(/\n(>*From )/g, '\n>$1'), 'latin1')
  }
}
