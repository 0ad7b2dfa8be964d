/**
 * The part of a notification that people read: what happened, to whom, the remote's own words, and what to do. Plain English, short
 * lines, no blame.
 */
import { formatDate, formatDuration, printable } from '../text/index.js'
import type { DsnAction, DsnFacts, DsnRecipient } from './dsn.js'

const OPENINGS = {
  failed: [
    'Your message could not be delivered to the recipients below.',
    'It is not being tried any further. The message, or its header, is attached.',
  ],
  delayed: [
    'Your message has not been delivered to the recipients below yet.',
    'You need not send it again: it is still being tried.',
  ],
  delivered: ['Your message was delivered to the recipients below.'],
  relayed: [
    'Your message was passed on for the recipients below.',
    'Their mail server does not report deliveries, so this is the last you hear unless something goes wrong.',
  ],
  expanded: ['Your message was sent on to the several addresses that each of the recipients below stands for.'],
} as const satisfies Record<DsnAction, readonly string[]>

export function humanText(facts: DsnFacts): string {
  const { action } = facts.recipients[0]!
  const lines = [
    `This is the mail server ${facts.server}.`,
    '',
    ...OPENINGS[action],
    '',
    ...facts.recipients.flatMap(recipient => [...about(recipient, facts), '']),
    ...advice(facts.recipients, facts),
    `If you ask for help, please quote ${facts.queueId} and the time, ${formatDate(facts.now)}.`,
    '',
  ]
  return lines.join('\r\n')
}

function about(recipient: DsnRecipient, facts: DsnFacts): readonly string[] {
  const lines = [`<${printable(recipient.address, 320)}>`]
  if (recipient.action === 'failed' && recipient.expired) {
    lines.push(`    tried for ${spell(recipient.lastAttempt - facts.received)}; the last attempt ended so:`)
  }
  const { text, reply } = recipient
  if (reply === undefined) lines.push(...wrapped(text))
  else lines.push(...wrapped(withoutReply(text, reply)), '    The other server said:', ...wrapped(reply))
  if (recipient.until !== undefined) lines.push(`    We go on trying until ${formatDate(recipient.until)}.`)
  return lines
}

/** A target's sentence often ends with the reply, which people get on lines of its own. */
function withoutReply(text: string, reply: string): string {
  return text.endsWith(reply) ? text.slice(0, -reply.length).replace(/:? *$/, '') : text
}

/** What the sender can do, by the class of the status (RFC 3463 §3). */
function advice(recipients: readonly DsnRecipient[], facts: DsnFacts): readonly string[] {
  if (recipients[0]?.action !== 'failed') return []
  const statuses = recipients.map(recipient => recipient.status)
  const some = (pattern: RegExp) => statuses.some(status => pattern.test(status))
  const lines: string[] = []
  if (some(/\.1\.(1|2|3|10)$/)) lines.push('Please check the spelling of the address.')
  if (some(/\.2\.2$/)) lines.push('The mailbox is full: try again later, or reach the recipient another way.')
  if (some(/\.3\.4$/)) lines.push('The message is too large for the recipient: send a smaller one, or a link.')
  if (some(/\.7\.\d+$/)) {
    lines.push('The other side refused the message by its own rules: only its administrator can change that.')
  }
  if (recipients.some(recipient => recipient.expired)) {
    lines.push(`The trouble lasted since ${formatDate(facts.received)}. You may send the message again later.`)
  }
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
