/**
 * What the trail keeps of how a message came: who sent it from where, what was found, what was decided; and what its record is found by. All of it
 * is bounded: a mail may have thousands of recipients and findings, and each record is kept for weeks. Pure.
 */
import type { Decided, Finding, NewRow, Ruling, Session, TrailDecided, TrailEntry, TrailKeys } from '../api/index.js'
import { addressKey, formatAddress, printable } from '../text/index.js'
import { heardFacts } from './heard-facts.js'
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
/** The address at the end of a From field; whoever writes more than one person there is found by the last. */
const ADDRESS = /([^\s<>,;:"@]{1,64}@[^\s<>,;:"@]{1,255})>?\s*$/

export function arrivalFacts({ received, verdict, results }: Judged): TrailEntry['facts'] {
  const { session, envelope, message } = received
  return {
    ...sessionFacts(session),
    ...heardFacts(session, envelope),
    sender: formatAddress(envelope.sender),
    ...given('messageId', message.field('Message-ID')),
    ...given('from', message.field('From')),
    ...given('subject', message.field('Subject')),
    size: message.size,
    sum: verdict.sum,
    findings: JSON.stringify(shortened(verdict.findings)),
    decided: JSON.stringify(alike(results)),
  }
}

export function sessionFacts(session: Session): TrailEntry['facts'] {
  const { account, tls, helo, reversed } = session
  return {
    session: session.id,
    protocol: session.protocol,
    listener: session.listener,
    client: session.remote.address,
    ...given('helo', helo),
    ...(reversed === undefined ? {} : { reverse: reversed.kind }),
    ...(reversed?.kind === 'confirmed' ? { name: printable(reversed.name) } : {}),
    ...(reversed?.kind === 'unconfirmed' ? { name: printable(reversed.names.join(', ')) } : {}),
    ...(tls === undefined ? {} : { tls: `${tls.protocol} ${tls.cipher}` }),
    ...(account === undefined ? {} : { login: printable(account.login) }),
    ...(session.trusted ? { trusted: true } : {}),
  }
}

/** `rows`: those whose address is another than the recipient's, of an alias, are found by it too. */
export function arrivalKeys(
  { session, envelope, message, routed, turnedAway }: Received,
  rows: readonly NewRow[],
): TrailKeys {
  const recipients = routed.map(({ recipient }) => addressKey(recipient.address))
  for (const { to, original } of rows) if (to !== original) recipients.push(addressKey(to))
  for (const { address } of turnedAway?.named ?? []) recipients.push(address)
  const messageId = message.field('Message-ID')
  const sender = envelope.sender === null ? [] : [addressKey(envelope.sender)]
  const author = ADDRESS.exec(message.field('From')?.slice(0, MAX_MESSAGE_ID) ?? '')?.[1]
  return {
    ...(messageId === undefined ? {} : { messageId: messageId.slice(0, MAX_MESSAGE_ID) }),
    senders: author === undefined || sender[0] === author ? sender : [...sender, author],
    recipients,
    clients: [session.remote.address],
  }
}

function given(name: string, value: string | undefined): TrailEntry['facts'] {
  return value === undefined ? {} : { [name]: printable(value.trim(), MAX_FIELD) }
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
  const groups = new Map<string, { to: string[]; more: number; kind: Decided['kind']; rulings?: readonly Ruling[] }>()
  for (const { recipient, kind, rulings } of results) {
    const key = rulings === undefined ? kind : JSON.stringify([kind, rulings])
    const group = groups.get(key) ?? { to: [], more: 0, kind, ...(rulings && { rulings }) }
    groups.set(key, group)
    if (group.to.length < MAX_NAMED) group.to.push(printable(formatAddress(recipient.address), 320))
    else group.more += 1
  }
  return [...groups.values()].map(({ more, ...group }) => (more === 0 ? group : { ...group, more }))
}
