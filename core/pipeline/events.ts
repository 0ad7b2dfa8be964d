/** What is told of mail on its way in: that it was accepted, what was filed or handed on in the same step, and what is held. Pure. */
import type { Job, NewRow, Outcome, QueueEvent } from '../api/index.js'
import { formatAddress } from '../text/index.js'
import { filedEvent } from './filed-words.js'
import type { Received } from './intake-types.js'

const MOST_NAMED = 100

/** `accepted`: for each routed recipient, whether it was. `rows`: what goes to the queue. */
export function arrivals(
  received: Received,
  accepted: readonly boolean[],
  rows: readonly NewRow[],
  at: number,
): readonly QueueEvent[] {
  const names = received.routed.filter((_, i) => accepted[i]).map(({ recipient }) => formatAddress(recipient.address))
  const { at: when, message, sender, size, ageMs } = commonFacts(received, at)
  const recipients = { count: names.length, first: names.slice(0, MOST_NAMED) }
  const events: QueueEvent[] = [{ kind: 'accepted', at: when, message, sender, size, ageMs, recipients }]
  for (const { original, target, lane, hold } of rows) {
    if (hold === undefined) continue
    const recipient = formatAddress(original)
    events.push({ kind: 'held', at: when, message, sender, size, ageMs, recipient, target, lane, tries: 0, hold })
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
  const to = recipients.find(({ row }) => row === outcome.row)
  return {
    ...commonFacts(received, at),
    kind: 'delivered',
    ...(to === undefined ? {} : { recipient: formatAddress(to.original) }),
    target,
    lane,
    tries: 1,
    ...(outcome.kind === 'filed'
      ? filedEvent(outcome)
      : { remote: outcome.remote, text: outcome.reply, ...(outcome.tls === undefined ? {} : { tls: outcome.tls }) }),
  }
}

function commonFacts({ envelope, message, received }: Received, at: number) {
  return {
    at,
    message: envelope.id,
    sender: envelope.sender === null ? '' : formatAddress(envelope.sender),
    size: message.size,
    ageMs: Math.max(0, at - received),
  }
}
