/**
 * mbox (RFC 4155): mails one after the other, each behind a line "From …". There is no agreement on what else such a line holds, nor on whether such lines of a
 * text are quoted; so a line begins a mail only where a header field stands below it. Read piece by piece: a file of any size fits.
 */
import { createReadStream } from 'node:fs'
import { MOST_READ } from './lesson.js'

const FROM_LINE = Buffer.from('\nFrom ')
/** RFC 5322 §2.2, below what is in front of mail that has been in a mailbox before, and how mbox quotes it. */
const FIELD = /^(?:>*From [^\n]*\n)?[!-9;-~]{1,200}[ \t]*:/
/** A "From" line and the name of the field below it: what has to be there to tell. */
const LOOK = 2048

/** With a header field: no binary file, and not an empty one. */
export function beginsAsMail(bytes: Buffer): boolean {
  return FIELD.test(bytes.toString('latin1', 0, LOOK))
}

/** Where its first line is, behind empty ones; -1: it is none. One mail with such a line in front is an mbox of one. */
export function startOfMbox(beginning: Buffer): number {
  return /^[\r\n]*From /.test(beginning.toString('latin1')) ? beginning.indexOf('From ') : -1
}

/** Without their "From" lines, with lines as on the wire, and of each at most `MOST_READ`. */
export async function* mailsInMbox(path: string, start: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.from('\n')
  /** Of a mail whose end has not come, what is read no more. */
  let skipping = false
  for await (const chunk of createReadStream(path, { start }) as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk])
    for (let end = nextMail(rest, rest.length - LOOK); end >= 0; end = nextMail(rest, rest.length - LOOK)) {
      if (!skipping) yield unwrapped(rest.subarray(0, end + 1))
      skipping = false
      rest = rest.subarray(end)
    }
    if (rest.length <= 2 * MOST_READ) continue
    if (!skipping) yield unwrapped(rest.subarray(0, MOST_READ))
    skipping = true
    rest = rest.subarray(rest.length - LOOK - 1)
  }
  for (let end = nextMail(rest, rest.length); end >= 0; end = nextMail(rest, rest.length)) {
    if (!skipping) yield unwrapped(rest.subarray(0, end + 1))
    skipping = false
    rest = rest.subarray(end)
  }
  if (!skipping && rest.length > FROM_LINE.length) yield unwrapped(rest)
}

/** Where it begins, or -1; looked for up to `until`, as the rest of such a line may not have come. */
function nextMail(rest: Buffer, until: number): number {
  for (let at = rest.indexOf(FROM_LINE, 1); at >= 0 && at < until; at = rest.indexOf(FROM_LINE, at + 1)) {
    const below = rest.indexOf(10, at + 1) + 1
    if (below > 0 && beginsAsMail(rest.subarray(below))) return at
  }
  return -1
}

function unwrapped(piece: Buffer): Buffer {
  const start = piece.indexOf(10, 1) + 1
  const mail = piece.subarray(start, start + MOST_READ).toString('latin1')
  return Buffer.from(mail.replace(/\r?\n/g, '\r\n').replace(/^>(>*From )/gm, '$1'), 'latin1')
}
