/**
 * Reads SMTP replies (RFC 5321 §4.2) out of whatever a peer sends: multi-line, with or without enhanced codes, ended by CRLF or a bare LF.
 * Bounded in line length, lines and octets; what is not a reply at all is a `ProtocolFault`. Texts are sanitised here, once.
 */
import { printable } from 'posthouse/text'

export interface Reply {
  readonly code: number
  /** Enhanced status of the reply's own class (RFC 2034), when the peer gave one. */
  readonly status?: string
  /** Without code and enhanced status, sanitised. */
  readonly lines: readonly string[]
  /** All of it in one line, as the log and the bounce tell it: `550 5.1.1 no such user`. */
  readonly text: string
  /** Its lines have not all the same code (RFC 5321 §4.2.1): it may be two, the first without its end. */
  readonly mixed?: true
}

export class ProtocolFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ProtocolFault'
  }
}

/** RFC 5321 §4.5.3.1.5 says 512 octets; servers in the wild send more. */
const MAX_LINE = 4096
const MAX_LINES = 128
const MAX_TEXT = 1000
/** RFC 5321 §4.2: a space or nothing behind the code. Some write their text right behind it, or a tab. */
const LINE = /^([2-5][0-9]{2})(?:([ -])|\t|(?![0-9]))(.*)$/s
const STATUS = /^([245])\.([0-9]{1,3})\.([0-9]{1,3})(?:[\s:;,]+|$)/

const NOTHING = Buffer.alloc(0)
/** Replies of one short line, as they were read: to MAIL, RCPT and DATA peers say the same again and again. */
const KNOWN = new Map<string, Reply>()
const MOST_KNOWN = 500
const MAX_KNOWN_LINE = 100

export class ReplyReader {
  #rest: Buffer = NOTHING
  #lines: string[] = []
  #status: string | undefined
  /** Of the first line. */
  #code: string | undefined
  #mixed = false

  /**
   * Hands on the replies that are complete now. Throws `ProtocolFault`; the connection is useless then, but what came in order before
   * it counts: a message that was taken must not be sent again because of what the peer said afterwards.
   */
  push(chunk: Buffer, take: (reply: Reply) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let from = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      if (end - from > MAX_LINE) throw new ProtocolFault('a reply line is too long')
      const raw = bytes.toString('utf8', from, end)
      const known = this.#lines.length === 0 ? KNOWN.get(raw) : undefined
      const reply = known ?? this.#line(raw)
      if (reply !== undefined) take(reply)
      from = end + 1
    }
    this.#rest = from === bytes.length ? NOTHING : Buffer.from(bytes.subarray(from))
    if (this.#rest.length > MAX_LINE) throw new ProtocolFault('a reply line is too long')
  }

  /** Something of a reply is there, but not all of it, or more came than was asked for. */
  get open(): boolean {
    return this.#rest.length > 0 || this.#lines.length > 0
  }

  #line(raw: string): Reply | undefined {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    const [whole, code = '', mark = ' ', said = ''] = LINE.exec(line) ?? []
    if (whole === undefined) throw new ProtocolFault(`not a reply: ${printable(line, 80)}`)
    // RFC 5321 §4.2.1: the same code in every line. The last one counts; but nobody can mean both yes and no.
    this.#code ??= code
    if (code[0] !== this.#code[0]) throw new ProtocolFault(`a reply says two things: ${printable(line, 80)}`)
    this.#mixed ||= code !== this.#code
    const status = STATUS.exec(said)
    // RFC 2034 §4: the class of the enhanced code goes with the reply's; others are mere text.
    const ours = status !== null && status[1] === code[0]
    if (ours) this.#status ??= `${status[1]}.${status[2]}.${status[3]}`
    if (this.#lines.length >= MAX_LINES) throw new ProtocolFault('a reply has too many lines')
    this.#lines.push(printable(ours ? said.slice(status[0].length) : said, 512))
    if (mark === '-') return undefined
    const plain = made(Number(code), this.#status, this.#lines)
    const reply: Reply = this.#mixed ? { ...plain, mixed: true } : plain
    if (this.#lines.length === 1 && (code === '250' || code === '354')) remember(raw, plain)
    this.#lines = []
    this.#status = undefined
    this.#code = undefined
    this.#mixed = false
    return reply
  }
}

function remember(raw: string, reply: Reply): void {
  if (raw.length > MAX_KNOWN_LINE) return
  // What nobody says again goes with the rest.
  if (KNOWN.size >= MOST_KNOWN) KNOWN.clear()
  KNOWN.set(raw, reply)
}

function made(code: number, status: string | undefined, lines: readonly string[]): Reply {
  const said = lines.length === 1 ? lines[0]! : lines.filter(line => line !== '').join(' ')
  const head = status === undefined ? String(code) : `${code} ${status}`
  const text = printable(said === '' ? head : `${head} ${said}`, MAX_TEXT)
  return status === undefined ? { code, lines, text } : { code, status, lines, text }
}
