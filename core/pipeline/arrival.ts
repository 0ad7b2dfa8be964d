/**
 * What the trail keeps of how a message came: who sent it from where, what was found, what was decided; and what its record is found by. All of it
 * is bounded: a mail may have thousands of recipients and findings, and each record is kept for weeks. Pure.
 */
import type { Decided, Finding, NewRow, Ruling, Session, TrailDecided, TrailEntry, TrailKeys } from '../api/index.js'
import { formatAddress, printable } from '../text/index.js'
import { addHeard } from './heard-facts.js'
import type { Received } from './intake-types.js'
import type { Judged } from './judging.js'

const MAX_FIELD = 200
const MAX_FINDINGS = 100
const MAX_SAYS = 300
const MAX_EVIDENCE = 3
const MAX_PIECE = 120
const MAX_NAMED = 100
/** A Message-ID is one line (RFC 5322 §2.1.1: 998 characters). */
const MAX_MESSAGE_ID = 998
/** RFC 5321 §4.5.3.1: 64 octets, the sign, 255 octets. */
const MAX_ADDRESS = 320
const PLAIN_ADDRESS = /^[^\s<>@]+@[^\s<>@]+$/

type Facts = Record<string, string | number | boolean>

// Field by field and not by spreading one object into another: that was a third of all that the trail costs a message.
export function arrivalFacts({ received, verdict, results }: Judged): TrailEntry['facts'] {
  const { session, envelope, message } = received
  const facts: Facts = sessionFacts(session)
  addHeard(facts, session, envelope)
  facts.sender = formatAddress(envelope.sender)
  addText(facts, 'messageId', message.field('Message-ID'))
  addText(facts, 'from', message.field('From'))
  addText(facts, 'subject', message.field('Subject'))
  facts.size = message.size
  facts.sum = verdict.sum
  facts.findings = JSON.stringify(shortened(verdict.findings))
  facts.decided = JSON.stringify(alike(results))
  return facts
}

export function sessionFacts(session: Session): Facts {
  const { account, tls, helo, reversed } = session
  const facts: Facts = {
    session: session.id,
    protocol: session.protocol,
    listener: session.listener,
    client: session.remote.address,
  }
  addText(facts, 'helo', helo)
  if (reversed !== undefined) facts.reverse = reversed.kind
  if (reversed?.kind === 'confirmed') facts.name = printable(reversed.name)
  if (reversed?.kind === 'unconfirmed') facts.name = printable(reversed.names.join(', '))
  if (tls !== undefined) facts.tls = `${tls.protocol} ${tls.cipher}`
  if (account !== undefined) facts.login = printable(account.login)
  if (session.trusted) facts.trusted = true
  return facts
}

/** `rows`: those whose address is another than the recipient's, of an alias, are found by it too. */
export function arrivalKeys(
  { session, envelope, message, routed, turnedAway }: Received,
  rows: readonly NewRow[],
): TrailKeys {
  const recipients = routed.map(({ recipient }) => formatAddress(recipient.address))
  for (const { to, original } of rows) if (to !== original) recipients.push(formatAddress(to))
  for (const { address } of turnedAway?.named ?? []) recipients.push(address)
  const messageId = message.field('Message-ID')?.slice(0, MAX_MESSAGE_ID)
  const sender = formatAddress(envelope.sender)
  const author = authorIn(message.field('From'))
  const senders = author === undefined || author === sender ? [sender] : [sender, author]
  const clients = [session.remote.address]
  return messageId === undefined ? { senders, recipients, clients } : { messageId, senders, recipients, clients }
}

/** The address at the end of a From field; whoever writes more than one person there is found by the last. */
function authorIn(from: string | undefined): string | undefined {
  if (from === undefined) return undefined
  const start = from.lastIndexOf('<') + 1
  const end = start === 0 ? -1 : from.indexOf('>', start)
  const address = from.slice(start, end < 0 ? undefined : end).trim()
  return address.length <= MAX_ADDRESS && PLAIN_ADDRESS.test(address) ? address : undefined
}

function addText(facts: Facts, name: string, value: string | undefined): void {
  if (value !== undefined) facts[name] = printable(value.trim(), MAX_FIELD)
}

/** What is left out counts in one finding of its own, so that the sum can be reckoned again. */
function shortened(findings: readonly Finding[]): readonly Finding[] {
  if (findings.length <= MAX_FINDINGS) return findings.map(short)
  const byWeight = [...findings].sort((a, b) => Math.abs(b.points) - Math.abs(a.points))
  const rest = byWeight.slice(MAX_FINDINGS - 1)
  const points = rest.reduce((sum, one) => sum + Math.round(one.points * 100), 0) / 100
  const more = { name: 'and-more', points, says: `${rest.length} more findings, each of less weight than these.` }
  return [...byWeight.slice(0, MAX_FINDINGS - 1).map(short), more]
}

function short(finding: Finding): Finding {
  const { says, evidence } = finding
  if (says.length <= MAX_SAYS && evidence === undefined) return finding
  return {
    ...finding,
    says: printable(says, MAX_SAYS),
    ...(evidence && { evidence: evidence.slice(0, MAX_EVIDENCE).map(piece => printable(piece, MAX_PIECE)) }),
  }
}

/** Recipients that were decided alike stand together. */
function alike(results: readonly Decided[]): readonly TrailDecided[] {
  const [only] = results
  if (only !== undefined && results.length === 1) return [decidedOne(only)]
  const groups = new Map<string, { to: string[]; more: number; kind: Decided['kind']; rulings?: readonly Ruling[] }>()
  for (const { recipient, kind, rulings } of results) {
    const key = rulings === undefined ? kind : JSON.stringify([kind, rulings])
    const group = groups.get(key) ?? { to: [], more: 0, kind, ...(rulings && { rulings }) }
    groups.set(key, group)
    if (group.to.length < MAX_NAMED) group.to.push(printable(formatAddress(recipient.address), MAX_ADDRESS))
    else group.more += 1
  }
  return [...groups.values()].map(({ more, ...group }) => (more === 0 ? group : { ...group, more }))
}

function decidedOne({ recipient, kind, rulings }: Decided): TrailDecided {
  const to = [printable(formatAddress(recipient.address), MAX_ADDRESS)]
  return rulings === undefined ? { to, kind } : { to, kind, rulings }
}
