/** What is told of mail on its way in: that it was accepted, what was filed or handed on in the same step, and what is held. Pure. */
import type { Job, NewRow, Outcome, QueueEvent } from '../api/index.js'
import { formatAddress } from '../text/index.js'
import { filedEvent } from './filed-words.js'
import type { Received } from './intake-types.js'

const MOST_NAMED = 100

type Open<T> = { -readonly [K in keyof T]: T[K] }

/** `accepted`: for each routed recipient, whether it was. `rows`: what goes to the queue. */
export function arrivals(
  received: Received,
  accepted: readonly boolean[],
  rows: readonly NewRow[],
  at: number,
): readonly QueueEvent[] {
  const names = received.routed.filter((_, i) => accepted[i]).map(({ recipient }) => formatAddress(recipient.address))
  const { message, sender, size, ageMs } = commonFacts(received, at)
  const recipients = { count: names.length, first: names.slice(0, MOST_NAMED) }
  const events: QueueEvent[] = [{ kind: 'accepted', at, message, sender, size, ageMs, recipients }]
  for (const { original, target, lane, hold } of rows) {
    if (hold === undefined) continue
    const recipient = formatAddress(original)
    events.push({ kind: 'held', at, message, sender, size, ageMs, recipient, target, lane, tries: 0, hold })
  }
  return events
}

/** A local recipient that was served while the message was taken in. */
export function servedAtOnce(
  received: Received,
  { target, lane, recipients }: Job,
  outcome: Extract<Outcome, { kind: 'filed' | 'delivered' }>,
  at: number,
): QueueEvent {
  const { message, sender, size, ageMs } = commonFacts(received, at)
  // Field by field: to put objects together takes ten times as long, and every message is told of.
  const event: Open<QueueEvent> = { kind: 'delivered', at, message, sender, size, ageMs, target, lane, tries: 1 }
  const to = recipients.find(({ row }) => row === outcome.row)
  if (to !== undefined) event.recipient = formatAddress(to.original)
  if (outcome.kind === 'filed') {
    const { mailbox, text } = filedEvent(outcome)
    if (mailbox !== undefined) event.mailbox = mailbox
    if (text !== undefined) event.text = text
  } else {
    event.remote = outcome.remote
    event.text = outcome.reply
    if (outcome.tls !== undefined) event.tls = outcome.tls
  }
  return event
}

function commonFacts({ envelope, message, received }: Received, at: number) {
  return {
    message: envelope.id,
    sender: envelope.sender === null ? '' : formatAddress(envelope.sender),
    size: message.size,
    ageMs: Math.max(0, at - received),
  }
}
