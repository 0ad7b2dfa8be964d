/**
 * The entries of a message's decision record that are made while it is taken in: sentences with the facts beside them.
 */
import type { Decided, Defer, Filing, NewRow, Outcome, Reject, Session, TrailEntry, Verdict } from '../api/index.js'
import { formatAddress, printable } from '../text/index.js'
import type { Fate } from './decision.js'
import { heardFacts } from './heard-facts.js'
import type { Received } from './intake-types.js'
import type { Judged } from './judging.js'

/** What of `Decided['kind']` the client was told yes to. */
const TAKEN: ReadonlySet<Decided['kind']> = new Set(['accepted', 'quarantined', 'held', 'discarded'])

export function acceptedEntry(judged: Judged, at: number): TrailEntry {
  const { received, verdict, results } = judged
  const count = results.filter(({ kind }) => TAKEN.has(kind)).length
  const says = `Accepted from ${who(received)} for ${count} ${count === 1 ? 'recipient' : 'recipients'}; ${points(verdict)}.`
  return { id: received.envelope.id, at, event: 'accepted', says, facts: facts(judged) }
}

export function refusedEntry(judged: Judged, reply: Reject | Defer, at: number): TrailEntry {
  const { received, verdict } = judged
  const says = `Refused to ${who(received)} with ${reply.code} ${reply.status} (${printable(reply.text)}); ${points(verdict)}.`
  return { id: received.envelope.id, at, event: 'refused', says, facts: facts(judged) }
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

export function filedEntry(id: string, row: NewRow, filings: readonly Filing[], at: number): TrailEntry {
  const into = filings.map(filing => filing.mailbox).join(', ')
  const why = row.quarantine === undefined ? '' : ` because ${printable(row.quarantine)}`
  return { id, at, event: 'filed', says: `Filed for ${formatAddress(row.original)} into ${into}${why}.`, facts: {} }
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

function facts({ received, verdict, results }: Judged): TrailEntry['facts'] {
  return {
    ...sessionFacts(received.session),
    ...heardFacts(received.session, received.envelope),
    sender: formatAddress(received.envelope.sender),
    size: received.message.size,
    sum: verdict.sum,
    findings: JSON.stringify(verdict.findings),
    ...(results.some(({ rulings }) => rulings !== undefined) && { decided: JSON.stringify(results.map(told)) }),
  }
}

function sessionFacts({
  id,
  protocol,
  listener,
  remote,
  helo,
  reversed,
  tls,
  account,
  trusted,
}: Session): TrailEntry['facts'] {
  return {
    session: id,
    protocol,
    listener,
    client: remote.address,
    ...(helo === undefined ? {} : { helo: printable(helo) }),
    ...(reversed === undefined ? {} : { reverse: reversed.kind }),
    ...(reversed?.kind === 'confirmed' ? { name: printable(reversed.name) } : {}),
    ...(reversed?.kind === 'unconfirmed' ? { name: printable(reversed.names.join(', ')) } : {}),
    ...(tls === undefined ? {} : { tls: `${tls.protocol} ${tls.cipher}` }),
    ...(account === undefined ? {} : { login: printable(account.login) }),
    ...(trusted ? { trusted: true } : {}),
  }
}

function told({ recipient, kind, rulings }: Decided): object {
  return { to: formatAddress(recipient.address), kind, rulings }
}
