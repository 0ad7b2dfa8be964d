/** From a settled job to the events that are told of it. Pure. */
import { type QueuedMessage, type QueueEvent, type TrailEntry, unreachable } from '../api/index.js'
import { formatAddress } from '../text/index.js'
import { type Fate, triesOf } from './judgement.js'

type Facts = Pick<QueuedMessage, 'id' | 'sender' | 'bodySize' | 'received'>

/** `notices`: entries of the trail that tell of notices to the sender. */
export function eventsOf(
  message: Facts,
  fates: readonly Fate[],
  notices: readonly TrailEntry[],
  at: number,
): readonly QueueEvent[] {
  const common = {
    at,
    message: message.id,
    sender: message.sender === null ? '' : formatAddress(message.sender),
    size: message.bodySize,
    ageMs: Math.max(0, at - message.received),
  }
  const events: QueueEvent[] = fates.map(fate => ({ ...outcomeFacts(fate), ...common, ...recipientFacts(fate) }))
  for (const { event, facts } of notices) {
    if (event !== 'bounced' || facts.planned !== true) continue
    events.push({ ...common, kind: 'bounced', recipient: common.sender, notice: String(facts.notice) })
  }
  return events
}

function recipientFacts(fate: Fate) {
  const { original, target, lane } = fate.row
  return { recipient: formatAddress(original), target, lane, tries: triesOf(fate) }
}

function outcomeFacts(fate: Fate): Pick<QueueEvent, 'kind'> & Partial<QueueEvent> {
  switch (fate.kind) {
    case 'delivered': {
      const { remote, reply, tls } = fate.outcome
      return { kind: 'delivered', remote, text: reply, ...(tls === undefined ? {} : { tls }) }
    }
    case 'filed':
      return { kind: 'delivered', mailbox: fate.outcome.filings.map(one => one.mailbox).join(', ') }
    case 'again':
      return { kind: 'delayed', due: fate.due, ...said(fate.outcome) }
    case 'held':
      return { kind: 'held', hold: fate.reason, ...said(fate.outcome) }
    case 'failed':
      return { kind: fate.expired ? 'expired' : 'failed', ...said(fate.outcome) }
    default:
      return unreachable(fate)
  }
}

function said({
  status,
  text,
  remote,
  class: meant,
}: Extract<Fate, { kind: 'again' }>['outcome'] | Extract<Fate, { kind: 'failed' }>['outcome']) {
  const more = { ...(remote === undefined ? {} : { remote }), ...(meant === undefined ? {} : { class: meant }) }
  return { status, text, ...more }
}
