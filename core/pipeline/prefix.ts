/**
 * The header fields that stand in front of the stored bytes, and those of the sender's that are cut out of every view of them.
 * The bytes themselves are never rewritten.
 */
import type { Cut, HeaderField, NewField } from '../api/index.js'
import { foldField } from '../text/index.js'

/** RFC 5322 §3.6.8: printable US-ASCII without the colon. */
const FIELD_NAME = /^[!-9;-~]{1,70}$/

/** Fields of hooks first, our Received below them, as RFC 8601 §4 wants results above the trace they speak of. */
export function buildPrefix(received: string, fields: readonly NewField[]): string {
  let text = ''
  for (const { name, value } of fields) if (FIELD_NAME.test(name)) text += foldField(name, value)
  return text + received
}

/** Other filters' verdicts, and Authentication-Results that claim to be ours (RFC 8601 §5). */
export function forgedFields(header: readonly HeaderField[], ourName: string): readonly Cut[] {
  const cuts: Cut[] = []
  for (const field of header) {
    const name = field.name.toLowerCase()
    const forged = name.startsWith('x-spam-') || (name === 'authentication-results' && speaksAs(field.raw, ourName))
    if (!forged) continue
    const last = cuts.at(-1)
    if (last !== undefined && last[1] === field.start) cuts[cuts.length - 1] = [last[0], field.end]
    else cuts.push([field.start, field.end])
  }
  return cuts
}

function speaksAs(raw: string, ourName: string): boolean {
  const id = /^\s*(?:\([^)]*\)\s*)?"?([^\s;"]+)/.exec(raw)?.[1]
  return id?.toLowerCase() === ourName.toLowerCase()
}
