/** What the trail says of a refusal that the intake knows nothing of. Pure. */
import type { Envelope, Session, TrailEntry } from '../api/index.js'
import { addressKey, formatAddress, printable } from '../text/index.js'
import { sessionFacts } from './arrival.js'
import { noFacts, type RefusedAt, type Said } from './said.js'

/** A recipient that was refused, of a transaction. */
export interface TurnedAway {
  readonly address: string
  readonly said: Said
}

export interface Refusal {
  readonly stage: RefusedAt
  readonly session: Session
  readonly said: Said
  /** Of MAIL and all that comes after it. */
  readonly envelope?: Pick<Envelope, 'id' | 'sender' | 'recipients'>
  readonly turnedAway?: TurnedAways
  /** Of a message that came. */
  readonly size?: number
}

/** Recipients that a transaction was refused: the first of them by name. */
export class TurnedAways {
  readonly named: TurnedAway[] = []
  count = 0

  add(one: TurnedAway): void {
    this.count += 1
    if (this.named.length < MAX_NAMED) this.named.push(one)
  }
}

const MAX_NAMED = 20
const MAX_SAYS = 1500

export function refusalEntry(refusal: Refusal, at: number): TrailEntry {
  const { session, envelope, said, stage, turnedAway, size } = refusal
  const recipients = envelope?.recipients.slice(0, MAX_NAMED).map(({ address }) => addressKey(address)) ?? []
  const away = turnedAway?.named.map(({ address }) => address) ?? []
  // For a line in a list.
  const first = recipients[0] ?? away[0]
  return {
    id: envelope?.id ?? session.id,
    at,
    event: stage === 'unfinished' ? 'unfinished' : 'refused',
    says: saysOf(refusal),
    facts: {
      ...sessionFacts(session),
      ...(envelope && { sender: formatAddress(envelope.sender) }),
      ...(size === undefined ? {} : { size }),
      ...noFacts(stage, said),
      ...(turnedAway && { recipients: turnedAway.count }),
      ...(first !== undefined && { to: first }),
    },
    by: {
      senders: envelope?.sender == null ? [] : [addressKey(envelope.sender)],
      recipients: [...recipients, ...away],
      clients: [session.remote.address],
    },
  }
}

/** Of a message that was taken for others. */
export function turnedAwayEntry(id: string, turnedAway: TurnedAways, at: number): TrailEntry {
  return {
    id,
    at,
    event: 'refused',
    says: printable(recipientsSay(turnedAway), MAX_SAYS),
    facts: { stage: 'rcpt', recipients: turnedAway.count },
  }
}

function saysOf({ stage, session, envelope, said, turnedAway, size = 0 }: Refusal): string {
  const helo = printable(session.helo ?? 'no greeting')
  const client = `${session.remote.address} (${helo})`
  const sender = envelope?.sender === null ? 'the null sender' : formatAddress(envelope?.sender ?? null)
  const others = turnedAway === undefined || turnedAway.count === 0 ? '' : ` ${recipientsSay(turnedAway)}`
  switch (stage) {
    case 'connect':
      return `Refused the session of ${session.remote.address} with ${reply(said)}.`
    case 'greeting':
      return `Refused the greeting of ${client} with ${reply(said)}.`
    case 'mail':
      return `Refused the sender ${sender} at ${client} with ${reply(said)}.`
    case 'rcpt':
      return `Nothing was taken from ${sender} at ${client}.${printable(others, MAX_SAYS)}`
    case 'data': {
      const count = envelope?.recipients.length ?? 0
      const whom = `${count} ${count === 1 ? 'recipient' : 'recipients'}`
      return `Refused the message of ${sender} at ${client} for ${whom}, of which ${size} octets came, with ${reply(said)}.${printable(others, MAX_SAYS)}`
    }
    case 'unfinished':
      return `No whole message came from ${sender} at ${client}, who left or took it back after ${size} octets.${printable(others, MAX_SAYS)}`
  }
}

function recipientsSay({ named, count }: TurnedAways): string {
  const more = count > named.length ? `; and ${count - named.length} more` : ''
  return `Refused at RCPT: ${named.map(({ address, said }) => `${address} with ${reply(said)}`).join('; ')}${more}.`
}

function reply({ code, status, text, plugin, because }: Said): string {
  const why = because === undefined ? '' : `, since ${printable(because.evidence)}`
  const by =
    plugin === undefined ? '' : `; ${plugin}${because === undefined ? '' : ` ${printable(because.rule)}`}${why}`
  return `${code} ${status ?? ''} (${printable(text)}${by})`.replace('  ', ' ')
}
