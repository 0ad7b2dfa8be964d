/**
 * The part of a notification that people read: what happened, to whom, the remote's own words, and what to do. Plain words, short
 * lines, no blame.
 */
import { formatDate, formatDuration, printable } from '../text/index.js'
import type { DsnFacts, DsnRecipient } from './dsn.js'
import { type DsnWords, WORDS } from './dsn-words.js'

export function humanText(facts: DsnFacts): string {
  const { action } = facts.recipients[0]!
  const words = WORDS[facts.language]
  const lines = [
    words.server(facts.server),
    '',
    ...words.openings[action],
    '',
    ...facts.recipients.flatMap(recipient => [...about(recipient, facts, words), '']),
    ...advice(facts.recipients, facts, words),
    words.help(facts.queueId, formatDate(facts.now)),
    '',
  ]
  return lines.join('\r\n')
}

function about(recipient: DsnRecipient, facts: DsnFacts, words: DsnWords): readonly string[] {
  const lines = [`<${printable(recipient.address, 320)}>`]
  if (recipient.action === 'failed' && recipient.expired) {
    lines.push(`    ${words.tried(spell((recipient.lastAttempt ?? facts.now) - facts.received))}`)
  }
  const { text, reply } = recipient
  if (reply === undefined) lines.push(...wrapped(text))
  else lines.push(...wrapped(withoutReply(text, reply)), `    ${words.otherSaid}`, ...wrapped(reply))
  if (recipient.until !== undefined) lines.push(`    ${words.until(formatDate(recipient.until))}`)
  return lines
}

/** A target's sentence often ends with the reply, which people get on lines of its own. */
function withoutReply(text: string, reply: string): string {
  return text.endsWith(reply) ? text.slice(0, -reply.length).replace(/:? *$/, '') : text
}

/** What the sender can do, by the class of the status (RFC 3463 §3). */
function advice(recipients: readonly DsnRecipient[], facts: DsnFacts, words: DsnWords): readonly string[] {
  if (recipients[0]?.action !== 'failed') return []
  const statuses = recipients.map(recipient => recipient.status)
  const some = (pattern: RegExp) => statuses.some(status => pattern.test(status))
  const lines: string[] = []
  if (some(/\.1\.(1|2|3|10)$/)) lines.push(words.spelling)
  if (some(/\.2\.2$/)) lines.push(words.full)
  if (some(/\.3\.4$/)) lines.push(words.tooLarge)
  if (some(/\.7\.\d+$/)) lines.push(words.refused)
  if (recipients.some(recipient => recipient.expired)) lines.push(words.since(formatDate(facts.received)))
  return lines.length === 0 ? [] : [...lines, '']
}

function spell(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000))
  // Two units at most: nobody wants "4d23h59m".
  return formatDuration(minutes > 2880 ? Math.round(minutes / 60) * 3_600_000 : minutes * 60_000)
}

/** Indented, at most 76 columns where there is space. */
function wrapped(text: string): readonly string[] {
  const lines: string[] = []
  let line = '   '
  for (const word of printable(text, 2000).split(' ')) {
    if (line.length + 1 + word.length > 76 && line.trim() !== '') {
      lines.push(line)
      line = '   '
    }
    // RFC 5322 §2.1.1: no line over 998 octets, whatever a peer says without a space.
    line += ` ${word.length > 200 ? `${word.slice(0, 200)}…` : word}`
  }
  lines.push(line)
  return lines
}
