/**
 * Where messages begin and end in an mbox file (RFC 4155): a line `From sender date` behind an empty line, or at the very beginning. A line that
 * begins so and has no date belongs to the mail it stands in; mail programs quote the others, and what they wrote stays as it is, as it does for
 * the clients of other servers. Works on chunks cut anywhere; lines are looked at up to a bound.
 */
export interface MboxPiece {
  /** Of its From line. */
  readonly from: number
  /** First octet behind that line. */
  readonly start: number
  /** Behind its last octet; the empty line before the next one is not its own. */
  readonly end: number
  /** Of the From line, in UTC for want of a zone. */
  readonly date: number
}

const LF = 10
const CR = 13
const FROM = Buffer.from('From ')
const MOST_FROM_LINE = 1_000

const MONTHS = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec'
const ASCTIME = new RegExp(
  `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (${MONTHS}) {1,2}(\\d{1,2}) (\\d{2}):(\\d{2})(?::(\\d{2}))?(?: [A-Z]{1,5})?(?: ([+-]\\d{4}))? (\\d{4})(?: ([+-]\\d{4}))?\\s*$`,
)

export class MboxSplitter {
  #at = 0
  /** Of the line under way, as far as it is looked at. */
  #line: Buffer[] = []
  #lineBytes = 0
  #lineStart = 0
  /** Empty lines right before, and where the first of them began. */
  #emptyAt: number | undefined = 0
  #open: { readonly from: number; readonly start: number; readonly date: number } | undefined;

  /** Pieces that end within this chunk. */
  *push(chunk: Buffer): Generator<MboxPiece> {
    for (let from = 0; from < chunk.length; ) {
      const lf = chunk.indexOf(LF, from)
      const to = lf < 0 ? chunk.length : lf + 1
      this.#note(chunk.subarray(from, to))
      this.#at += to - from
      if (lf >= 0) yield* this.#endLine()
      from = to
    }
  }

  *end(): Generator<MboxPiece> {
    if (this.#lineBytes > 0) yield* this.#endLine()
    yield* this.#close(this.#at)
  }

  #note(bytes: Buffer): void {
    const room = MOST_FROM_LINE - this.#lineBytes
    if (room > 0) this.#line.push(Buffer.from(bytes.subarray(0, room)))
    this.#lineBytes += bytes.length
  }

  *#endLine(): Generator<MboxPiece> {
    const start = this.#lineStart
    const line = this.#line.length === 1 ? this.#line[0]! : Buffer.concat(this.#line)
    const short = this.#lineBytes <= MOST_FROM_LINE
    this.#line = []
    this.#lineBytes = 0
    this.#lineStart = this.#at
    const date = short && this.#emptyAt !== undefined && line.subarray(0, 5).equals(FROM) ? fromDate(line) : undefined
    if (date !== undefined) {
      yield* this.#close(this.#emptyAt!)
      this.#open = { from: start, start: this.#at, date }
      this.#emptyAt = undefined
    } else if (isEmpty(line)) this.#emptyAt = start
    else this.#emptyAt = undefined
  }

  *#close(end: number): Generator<MboxPiece> {
    if (this.#open === undefined) return
    const last = this.#emptyAt !== undefined && this.#emptyAt >= this.#open.start ? this.#emptyAt : end
    yield { ...this.#open, end: Math.max(this.#open.start, last) }
    this.#open = undefined
  }
}

function isEmpty(line: Buffer): boolean {
  return line[0] === LF || (line[0] === CR && line[1] === LF)
}

/** Milliseconds; `undefined` when it is not the beginning of a message. */
function fromDate(line: Buffer): number | undefined {
  const found = ASCTIME.exec(line.toString('latin1'))
  if (found === null) return undefined
  const [, month, day, hour, minute, second = '0', zoneBefore, year, zone = zoneBefore] = found
  const monthIndex = MONTHS.split('|').indexOf(month!)
  const local = Date.UTC(Number(year), monthIndex, Number(day), Number(hour), Number(minute), Number(second))
  if (zone === undefined) return local
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3))
  return local - (zone.startsWith('-') ? -1 : 1) * minutes * 60_000
}
