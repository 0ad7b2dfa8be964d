/**
 * Parts a text for people from the message that is returned below it. There is no rule for that: systems write a line of their own in
 * between, in any language. What they all do is to put the header of the message there, so that is what is looked for.
 */
import { type Field, scanHeader } from 'posthouse/text'

export interface Letter {
  /** What the system says. */
  readonly lines: readonly string[]
  /** Header of the message below. */
  readonly returned?: readonly Field[]
}

const MAX_LINES = 5000
const MAX_LINE = 2000
const LONGEST_HEADER = 64 * 1024
const KNOWN =
  /^(return-path|received|delivered-to|from|to|cc|reply-to|subject|date|message-id|mime-version|content-type|content-transfer-encoding|dkim-signature|domainkey-signature|user-agent|sender|in-reply-to|references|list-id|x-[a-z0-9-]{1,40})\s?:/i
const SURE = /^(return-path|received|message-id|mime-version|dkim-signature|from)\s?:/i
/** Lines that say that the message follows, where it comes without a header worth the name. */
const ANNOUNCED =
  /(below this line|(copy|header|headers|text|body) of (the|your)( original)? (message|mail|e-mail)|original message|unsent message|returned message|undelivered message|message headers? follow|message header:|bounced e-?mail:|message follows)/i

export function letterOf(text: string): Letter {
  const lines = text.split('\n', MAX_LINES).map(one => one.slice(0, MAX_LINE).trimEnd())
  const at = lines.findIndex((_, i) => isHeaderAt(lines, i))
  const announced = lines.findIndex(
    (one, i) => ANNOUNCED.test(one) && (i > 2 || /^[^\p{L}]/u.test(one)) && isBreak(lines, i),
  )
  if (at >= 0) {
    const { fields } = scanHeader(Buffer.from(lines.slice(at).join('\n').slice(0, LONGEST_HEADER)))
    return { lines: lines.slice(0, announced >= 0 ? Math.min(announced, at) : at), returned: fields }
  }
  return { lines: announced > 0 ? lines.slice(0, announced) : lines }
}

/** Three fields of a header at least, one of them of the kind that people do not quote, at the start or after a line without words. */
function isHeaderAt(lines: readonly string[], at: number): boolean {
  if (!KNOWN.test(lines[at]!) || (at > 0 && !isGap(lines[at - 1]!) && !ANNOUNCED.test(lines[at - 1]!))) return false
  let fields = 0
  let sure = 0
  for (const one of lines.slice(at, at + 400)) {
    if (one === '') break
    if (/^[ \t]/.test(one)) continue
    if (!/^[!-9;-~]{1,76}\s?:/.test(one)) break
    if (KNOWN.test(one)) fields += 1
    if (SURE.test(one)) sure += 1
    if (fields >= 3 && sure >= 1) return true
  }
  return false
}

function isGap(one: string): boolean {
  return !/[\p{L}\p{N}]/u.test(one) || /^[^\p{L}\p{N}]{3}.*(?:[^\p{L}\p{N}]{3}|[:.])$/su.test(one)
}

/** A line of marks, or one that ends a paragraph. */
function isBreak(lines: readonly string[], at: number): boolean {
  const one = lines[at]!
  return (
    /^[^\p{L}\p{N}]{2,}/u.test(one) ||
    /[-=*]{2}\s{0,3}$/.test(one) ||
    (lines[at + 1] ?? '') === '' ||
    /:\s{0,3}$/.test(one)
  )
}
