/**
 * What the trail keeps of a session and an envelope beside what people ask for, so that the message can be judged again as it came
 * (`posthouse replay`). What is as usual is left out: it is the same for nearly all mail. Pure.
 */
import type { Envelope, Session, TrailEntry } from '../api/index.js'
import { printable } from '../text/index.js'

const MAX_LABELS = 500

export function heardFacts(session: Session, envelope: Envelope): TrailEntry['facts'] {
  const { labels, listener, extended } = session
  // These are told by other facts.
  const known = new Set([listener, 'tls', 'trusted', 'authenticated'])
  const set = [...labels].filter(label => !known.has(label))
  return {
    ...(set.length > 0 && { labels: printable(set.join(' '), MAX_LABELS) }),
    ...(extended ? {} : { extended: false }),
    ...(envelope.utf8 && { utf8: true }),
    ...(envelope.body === '7BIT' ? {} : { body: envelope.body }),
  }
}
