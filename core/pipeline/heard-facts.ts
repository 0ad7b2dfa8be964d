/**
 * What the trail keeps of a session and an envelope beside what people ask for, so that the message can be judged again as it came
 * (`posthouse replay`). What is as usual is left out: it is the same for nearly all mail. Pure.
 */
import type { Envelope, Session } from '../api/index.js'
import { printable } from '../text/index.js'

const MAX_LABELS = 500
/** By other facts. */
const TOLD: ReadonlySet<string> = new Set(['tls', 'trusted', 'authenticated'])

export function addHeard(
  facts: Record<string, string | number | boolean>,
  { labels, listener, extended }: Session,
  { utf8, body }: Envelope,
): void {
  let named = ''
  for (const label of labels) if (label !== listener && !TOLD.has(label)) named += named === '' ? label : ` ${label}`
  if (named !== '') facts.labels = printable(named, MAX_LABELS)
  if (!extended) facts.extended = false
  if (utf8) facts.utf8 = true
  if (body !== '7BIT') facts.body = body
}
