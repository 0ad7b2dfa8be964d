/**
 * The Received field we put in front of every message that comes in (RFC 5321 §4.4). Pure: time and names are handed in.
 * Everything the client said is made fit before it stands in a header; `for` is left out when there are several recipients, since
 * it would tell each of them about another.
 */
import type { Endpoint, Envelope, Session } from '../api/index.js'
import { formatAddress, formatDate } from '../text/index.js'

export interface TraceFacts {
  /** Our host name. */
  readonly server: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** RFC 5321 §4.5.3.1.2: a domain has at most 255 octets. */
const MAX_HELO = 255
/** RFC 5322 §2.1.1: leaves room for the rest of the clause in one line. */
const MAX_FOR = 900

/** The whole field, folded, with its CRLF. */
export function receivedField(session: Session, envelope: Envelope, facts: TraceFacts): string {
  const clauses = [`by ${facts.server} with ${transport(session, envelope)} id ${envelope.id}`]
  if (session.protocol === 'internal') clauses[0] = `by ${facts.server} id ${envelope.id}`
  else clauses.unshift(fromClause(session, envelope.utf8))
  // RFC 8314 §4.3 has a clause of its own for the cipher; a comment is what people and filters know to read.
  if (session.tls !== undefined)
    clauses.push(`(using ${word(session.tls.protocol)} with cipher ${word(session.tls.cipher)})`)
  const one = envelope.recipients.length === 1 ? envelope.recipients[0] : undefined
  if (one !== undefined) clauses.push(...forClause(formatAddress(one.address)))
  // RFC 6710 §4.1, §7
  if (envelope.priority !== undefined) clauses.push(`PRIORITY ${envelope.priority}`)
  const last = clauses.length - 1
  clauses[last] = `${clauses[last]};`
  clauses.push(formatDate(facts.now))
  return `Received: ${clauses.join('\r\n\t')}\r\n`
}

/** RFC 5321 §4.4: the name the client gave, and in the comment the address it really came from, with its name if that leads back. */
function fromClause(session: Session, utf8: boolean): string {
  const literal = addressLiteral(session.remote)
  const helo = session.helo === undefined ? undefined : fitHelo(session.helo, utf8)
  if (helo === undefined || helo === '') return `from ${literal === undefined ? 'localhost' : literal}`
  return literal === undefined ? `from ${helo}` : `from ${helo} (${confirmedName(session)}${literal})`
}

/** A name that does not lead back to the address is whatever its owner likes: it says nothing and is left out. */
function confirmedName({ reversed }: Session): string {
  return reversed?.kind === 'confirmed' ? `${fitHelo(reversed.name, false)} ` : ''
}

function fitHelo(helo: string, utf8: boolean): string {
  // RFC 6531 §3.7.3: U-labels may stand in trace fields of internationalised mail only.
  const unfit = utf8 ? /[^\p{L}\p{M}\p{N}._:[\]-]/gu : /[^A-Za-z0-9._:[\]-]/g
  return helo.slice(0, MAX_HELO).replace(unfit, '?')
}

/** RFC 5321 §4.1.3; `undefined` for a Unix socket. */
function addressLiteral({ address }: Endpoint): string | undefined {
  if (/^[0-9.]+$/.test(address)) return `[${address}]`
  return /^[0-9A-Fa-f:.]+$/.test(address) ? `[IPv6:${address}]` : undefined
}

/** RFC 3848 and RFC 6531 §4.3. HELO has no keywords for TLS and login, as neither can be had without EHLO. */
function transport({ protocol, extended, tls, account }: Session, { utf8 }: Envelope): string {
  if (protocol !== 'lmtp' && !extended) return 'SMTP'
  const name = `${utf8 ? 'UTF8' : protocol === 'lmtp' ? '' : 'E'}${protocol === 'lmtp' ? 'LMTP' : 'SMTP'}`
  return `${name}${tls === undefined ? '' : 'S'}${account === undefined ? '' : 'A'}`
}

function forClause(recipient: string): readonly string[] {
  return recipient.length > MAX_FOR ? [] : [`for <${recipient.replace(/[\u0000-\u001f\u007f]/g, '?')}>`]
}

function word(text: string): string {
  return text.replace(/[^\w.+-]/g, '?').slice(0, 80)
}
