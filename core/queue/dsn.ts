/**
 * Writes delivery status notifications: multipart/report (RFC 6522) with a text for people, message/delivery-status (RFC 3464) for
 * programs, and the message or its header. Pure: bytes out of facts. Whether one is due, and to whom, is decided in `notices.ts`.
 * Everything that came from a peer is one line of printable text when it gets here or is made so.
 */
import { isIP } from 'node:net'
import { encodeWords, foldField, formatDate, fromUnitext, printable, toUnitext, unXtext } from '../text/index.js'
import { transferEncoder } from '../text/transfer-encode.js'
import { humanText } from './dsn-text.js'
import { type Language, WORDS } from './dsn-words.js'

export type DsnAction = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded'

export interface DsnRecipient {
  /** As the sender wrote it. */
  readonly address: string
  /** ORCPT as sent: `rfc822;b+40example.org`. */
  readonly orcpt?: string
  readonly action: DsnAction
  /** Enhanced status code. */
  readonly status: string
  /** What happened, a sentence. */
  readonly text: string
  /** `mx1.example.net [192.0.2.1]:25` */
  readonly remote?: string
  /** The remote's own words. */
  readonly reply?: string
  /** Left out: it was never tried. */
  readonly lastAttempt?: number
  /** For `delayed`: until when we try. */
  readonly until?: number
  /** We tried for the whole time allowed. */
  readonly expired?: boolean
}

export interface DsnFacts {
  readonly id: string
  /** Our name. */
  readonly server: string
  /** Where people of this house answer. */
  readonly postmaster: string
  readonly language: Language
  readonly queueId: string
  readonly sender: string
  readonly envid?: string
  readonly received: number
  /** RFC 2852: the sender's time limit. */
  readonly deliverBy?: number
  /** RFC 4865: the sender's earliest time, as it was asked for. */
  readonly holdAsked?: string
  readonly now: number
  /** All of one action. */
  readonly recipients: readonly DsnRecipient[]
  readonly original: Original
  /** Message-ID of the original. */
  readonly about?: string
  /** The original needs SMTPUTF8: RFC 6533 types and addresses. */
  readonly utf8: boolean
}

/** What goes back of the message. */
export interface Original {
  readonly kind: 'header' | 'message'
  readonly bytes: Buffer
}

export function buildDsn(facts: DsnFacts): Buffer {
  const boundary = `=_${facts.id}`
  const parts = [textPart(facts), statusPart(facts), originalPart(facts)]
  const eightBit = parts.some(part => !isAscii(part))
  const opening = Buffer.from(`\r\n--${boundary}\r\n`)
  return Buffer.concat([
    header(facts, boundary, eightBit),
    ...parts.flatMap(part => [opening, part]),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
}

function header(facts: DsnFacts, boundary: string, eightBit: boolean): Buffer {
  const { action } = facts.recipients[0]!
  const fields = [
    foldField('Date', formatDate(facts.now)),
    // RFC 3464 §2: whom people can answer to.
    foldField('From', `Mail Delivery System <${facts.postmaster}>`),
    foldField('To', `<${facts.sender}>`),
    foldField('Subject', encodeWords(WORDS[facts.language].subjects[action])),
    foldField('Message-ID', `<${facts.id}@${facts.server}>`),
    // RFC 3834 §3.1.5: programs that sort by conversation put it there.
    ...(facts.about === undefined ? [] : [foldField('In-Reply-To', facts.about), foldField('References', facts.about)]),
    // RFC 3834 §5: no robot is to answer this.
    foldField('Auto-Submitted', 'auto-replied'),
    ...(facts.language === 'en' ? [] : [foldField('Content-Language', facts.language)]),
    'MIME-Version: 1.0\r\n',
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"\r\n`,
    ...(eightBit ? ['Content-Transfer-Encoding: 8bit\r\n'] : []),
    '\r\nThis is a delivery status notification in MIME format.\r\n',
  ]
  return Buffer.from(fields.join(''))
}

function textPart(facts: DsnFacts): Buffer {
  return part('text/plain; charset=utf-8', 'Notification', Buffer.from(humanText(facts)))
}

function statusPart(facts: DsnFacts): Buffer {
  // RFC 6533 §4: the UTF-8 form only where the original asked for SMTPUTF8.
  const type = facts.utf8 ? 'message/global-delivery-status' : 'message/delivery-status'
  const groups = [perMessage(facts), ...facts.recipients.map(recipient => perRecipient(recipient, facts.utf8))]
  return part(type, 'Delivery report', Buffer.from(groups.join('\r\n')))
}

function originalPart({ original, utf8 }: DsnFacts): Buffer {
  const whole = original.kind === 'message'
  const type = whole
    ? utf8
      ? 'message/global'
      : 'message/rfc822'
    : utf8
      ? 'message/global-headers'
      : 'text/rfc822-headers'
  return part(type, whole ? 'Undelivered message' : 'Header of the message', original.bytes)
}

/**
 * RFC 6533 §4.5: encoded wherever that is allowed, so that a way back without SMTPUTF8 or 8BITMIME can carry it. RFC 2046 §5.2.1: a
 * message/rfc822 may not be.
 */
function part(type: string, description: string, content: Buffer): Buffer {
  const ascii = isAscii(content)
  const whole = type === 'message/rfc822' || type === 'text/rfc822-headers'
  const encoding = ascii ? '' : `Content-Transfer-Encoding: ${whole ? '8bit' : 'quoted-printable'}\r\n`
  const head = `Content-Type: ${type}\r\nContent-Description: ${description}\r\n${encoding}\r\n`
  return Buffer.concat([Buffer.from(head), ascii || whole ? content : quoted(content)])
}

function quoted(content: Buffer): Buffer {
  const encoder = transferEncoder('quoted-printable')
  return Buffer.concat([encoder.push(content), encoder.end()])
}

/** RFC 3464 §2.2 */
function perMessage(facts: DsnFacts): string {
  return [
    ...(facts.envid === undefined ? [] : [field('Original-Envelope-Id', unXtext(facts.envid), facts.utf8)]),
    field('Reporting-MTA', `dns; ${facts.server}`, facts.utf8),
    field('X-Posthouse-Queue-Id', facts.queueId, facts.utf8),
    field('Arrival-Date', formatDate(facts.received), facts.utf8),
    // RFC 2852 §5, RFC 4865 §5.1.2
    ...(facts.deliverBy === undefined ? [] : [field('Deliver-By-Date', formatDate(facts.deliverBy), facts.utf8)]),
    ...(facts.holdAsked === undefined ? [] : [field('Future-Release-Request', facts.holdAsked, facts.utf8)]),
  ].join('')
}

/** RFC 3464 §2.3 */
function perRecipient(recipient: DsnRecipient, utf8: boolean): string {
  // RFC 6533 §3: in a report of ASCII, an address that is not goes as unitext.
  const plain = isAscii(Buffer.from(recipient.address))
  const [type, address] = plain
    ? ['rfc822', recipient.address]
    : ['utf-8', utf8 ? recipient.address : toUnitext(recipient.address)]
  const lines = [
    ...(recipient.orcpt === undefined
      ? []
      : [field('Original-Recipient', originalRecipient(recipient.orcpt, utf8), utf8)]),
    field('Final-Recipient', `${type}; ${address}`, utf8),
    field('Action', recipient.action, utf8),
    field('Status', recipient.status, utf8),
    ...(recipient.remote === undefined ? [] : [field('Remote-MTA', `dns; ${mtaName(recipient.remote)}`, utf8)]),
    ...diagnostic(recipient, utf8),
    ...(recipient.lastAttempt === undefined
      ? []
      : [field('Last-Attempt-Date', formatDate(recipient.lastAttempt), utf8)]),
    ...(recipient.until === undefined ? [] : [field('Will-Retry-Until', formatDate(recipient.until), utf8)]),
  ]
  return lines.join('')
}

/** RFC 3464 §2.3.6: `smtp` only for what a peer really said; our own words have a type of their own. */
function diagnostic({ action, reply, text }: DsnRecipient, utf8: boolean): readonly string[] {
  if (reply !== undefined) return [field('Diagnostic-Code', `smtp; ${reply}`, utf8)]
  return action === 'failed' || action === 'delayed' ? [field('Diagnostic-Code', `x-posthouse; ${text}`, utf8)] : []
}

function field(name: string, value: string, utf8: boolean): string {
  const line = printable(value, 900)
  return foldField(name, utf8 ? line : line.replace(/[^\x20-\x7e]/gu, '?'))
}

/** RFC 3461 §6.3: without its xtext. RFC 6533 §3, §4.1: a UTF-8 address is readable where it may be, unitext elsewhere. */
function originalRecipient(orcpt: string, utf8: boolean): string {
  const semicolon = orcpt.indexOf(';')
  const [type, text] = [orcpt.slice(0, semicolon), orcpt.slice(semicolon + 1)]
  if (type.toLowerCase() !== 'utf-8') return `${type}; ${unXtext(text)}`
  return `${type}; ${utf8 ? fromUnitext(text) : toUnitext(fromUnitext(text))}`
}

/** RFC 3461 §9.3: a host without a name is an address in brackets. */
function mtaName(remote: string): string {
  const [host = ''] = remote.split(' ', 1)
  return isIP(host) === 0 ? host : `[${host}]`
}

function isAscii(bytes: Buffer): boolean {
  return bytes.every(byte => byte < 128)
}
