/**
 * PREVIEW (RFC 8970 §3.3): the beginning of what somebody would read, as plain text of at most 200 characters. What is quoted from another mail is
 * passed over while there is something else.
 */
import { decodeTransfer, htmlToText, type MimePart, readOctets } from 'posthouse/text'

const LONGEST = 200
/** Looked at, of the part: newsletters begin with much style and little text. */
const LOOKED_AT = 48 * 1024
const MOST_PARTS = 50

/** '' where there is nothing to be read. */
export function previewOf(bytes: Buffer, root: MimePart): string {
  for (const part of readable(root)) {
    const text = shortened(textOf(part, bytes))
    if (text !== '') return text
  }
  return ''
}

/** Text parts in the order somebody reads them, plain text before HTML where both say the same. */
function readable(root: MimePart): MimePart[] {
  const found: MimePart[] = []
  const todo = [root]
  for (let looked = 0; looked < MOST_PARTS; looked++) {
    const part = todo.pop()
    if (part === undefined) break
    if (part.message) todo.push(part.message)
    else if (part.type === 'text' && part.disposition?.value !== 'attachment') found.push(part)
    const inside = part.subtype === 'alternative' ? part.children.toSorted(plainFirst) : part.children
    todo.push(...inside.toReversed())
  }
  return found
}

function plainFirst(a: MimePart, b: MimePart): number {
  return rank(a) - rank(b)
}

function rank({ type, subtype }: MimePart): number {
  return type === 'text' && subtype === 'plain' ? 0 : 1
}

function textOf(part: MimePart, bytes: Buffer): string {
  const octets = decodeTransfer(bytes.subarray(part.start, Math.min(part.end, part.start + LOOKED_AT)), part.encoding)
  const { text } = readOctets(octets, part.params.get('charset') ?? 'us-ascii')
  return part.subtype === 'html' ? htmlToText(text).text : text
}

function shortened(text: string): string {
  const lines = text.slice(0, LOOKED_AT).split(/\r?\n/)
  const own = inOneLine(lines.filter(line => !line.startsWith('>')))
  return [...(own === '' ? inOneLine(lines) : own)].slice(0, LONGEST).join('').trim()
}

/** Enough of it for the longest preview; controls and lone halves of characters are no text. */
function inOneLine(lines: readonly string[]): string {
  const whole = lines.join(' ')
  // The beginning is enough of nearly all mail, and all of it takes fifty times as long. Where it was cut, a space may stand for half a character.
  const beginning = squeezed(whole.slice(0, 8 * LONGEST))
  return (beginning.length > 2 * LONGEST + 1 ? beginning : squeezed(whole)).slice(0, 2 * LONGEST)
}

function squeezed(text: string): string {
  return text.replace(/(?:[\s\p{Cc}\p{Cf}\p{Cs}\u2800]|\u034f)+/gu, ' ').trim()
}
