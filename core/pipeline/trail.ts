/**
 * The entries of a message's decision record that are made while it is taken in: sentences with the facts beside them.
 */
import type { Decided, Defer, NewRow, Outcome, Reject, TrailEntry, Verdict } from '../api/index.js'
import { formatAddress, printable } from '../text/index.js'
import { arrivalFacts, arrivalKeys } from './arrival.js'
import type { Fate } from './decision.js'
import type { Received } from './intake-types.js'
import type { Judged } from './judging.js'
import { turnedAwayEntry } from './refusal-entry.js'
import { noFacts } from './said.js'

/** Nothing, most of the time. */
export function turnedAwayEntries({ envelope, turnedAway }: Received, at: number): readonly TrailEntry[] {
  return turnedAway === undefined ? [] : [turnedAwayEntry(envelope.id, turnedAway, at)]
}

/** What of `Decided['kind']` the client was told yes to. */
const TAKEN: ReadonlySet<Decided['kind']> = new Set(['accepted', 'quarantined', 'held', 'discarded'])

/** `rows`: all of them, whatever becomes of each. */
export function acceptedEntry(judged: Judged, rows: readonly NewRow[], at: number): TrailEntry {
  const { received, verdict, results } = judged
  const count = results.filter(({ kind }) => TAKEN.has(kind)).length
  const says = `Accepted from ${who(received)} for ${count} ${count === 1 ? 'recipient' : 'recipients'}; ${points(verdict)}.`
  const by = arrivalKeys(received, rows)
  return { id: received.envelope.id, at, event: 'accepted', says, facts: arrivalFacts(judged), by }
}

export function refusedEntry(judged: Judged, reply: Reject | Defer, at: number): TrailEntry {
  const { received, verdict } = judged
  const says = `Refused to ${who(received)} with ${reply.code} ${reply.status} (${printable(reply.text)}); ${points(verdict)}.`
  const facts = { ...arrivalFacts(judged), ...noFacts('data', reply) }
  return { id: received.envelope.id, at, event: 'refused', says, facts, by: arrivalKeys(received, []) }
}

export function discardedEntry(received: Received, decided: readonly Fate[], at: number): TrailEntry {
  const recipients = received.routed.filter((_, i) => decided[i]!.kind === 'discard')
  const names = recipients.map(({ recipient }) => formatAddress(recipient.address)).join(', ')
  return {
    id: received.envelope.id,
    at,
    event: 'discarded',
    says: `Discarded for ${printable(names, 500)}.`,
    facts: {},
  }
}

export function deliveredEntry(
  id: string,
  row: NewRow,
  { remote, reply }: Extract<Outcome, { kind: 'delivered' }>,
  at: number,
): TrailEntry {
  const says = `Delivered for ${formatAddress(row.original)} to ${printable(remote)}: ${printable(reply)}`
  return { id, at, event: 'delivered', says, facts: { to: formatAddress(row.original), remote: printable(remote) } }
}

function who({ session, envelope }: Received): string {
  const sender = envelope.sender === null ? 'the null sender' : formatAddress(envelope.sender)
  const login = session.account === undefined ? '' : `, logged in as ${printable(session.account.login)}`
  return `${sender} at ${session.remote.address} (${printable(session.helo ?? 'no greeting')}${login})`
}

function points({ findings, sum }: Verdict): string {
  if (findings.length === 0) return 'nothing spoke for or against it'
  const list = findings.map(({ name, points }) => `${name} ${points}`).join(', ')
  return `${sum} points (${printable(list, 1000)})`
}
