/**
 * Parameters of MAIL and RCPT (RFC 5321 §4.1.2, esmtp-param): reading them, and checking each by its RFC.
 * Pure, and nothing is guessed: an unknown keyword is 555, as is one whose extension is not offered here; a doubled one or a bad
 * value is 501. DSN parameters are kept as sent; the queue and the next hop need them so.
 */
import type { DsnWish, Envelope, SmtpReply, Wishes } from '../api/index.js'
import { ReadError, type Reader } from '../text/index.js'
import { badParameter, REPLY, unknownParameter } from './replies.js'
import { contradiction, takeWish, WISH_KEYWORDS, type WishBounds } from './wishes.js'

export type MailTerms = Pick<Envelope, 'utf8' | 'body' | 'ret' | 'envid' | keyof Wishes>

/** What this door knows. */
export interface Offers extends WishBounds {
  /** By EHLO keyword. */
  has(keyword: string): boolean
  readonly maxMessageBytes: number
}

const SPACES = / +/y
const KEYWORD = /[A-Za-z0-9][A-Za-z0-9-]*/y
// RFC 6531 §3.3: UTF-8 may stand in values.
const VALUE = /[!-<>-~\u{a0}-\u{10ffff}]+/uy
/** RFC 3461 §4: xtext. */
const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/
/** RFC 3461 §4.2, §4.4: what it stands for is printable US-ASCII. */
const PRINTABLE_XTEXT = /^(?:[!-*,-<>-~]|\+[2-6][0-9A-F]|\+7[0-9A-E])*$/
/** RFC 3461 §4.2: addr-type, an atom of RFC 822 §3.3 without what an esmtp-value cannot hold. */
const ATOM = /^[!#$%&'*/0-9?A-Z^_`a-z{|}~-]+$/
const MAX_NOTIFY_WORDS = 20
const NOTIFY = new Map<string, DsnWish['notify'][number]>([
  ['NEVER', 'never'],
  ['SUCCESS', 'success'],
  ['FAILURE', 'failure'],
  ['DELAY', 'delay'],
])

/** MAIL parameters and the extension each belongs to. */
const MAIL_KEYWORDS = new Map([
  ['SIZE', 'SIZE'],
  ['BODY', '8BITMIME'],
  ['SMTPUTF8', 'SMTPUTF8'],
  ['AUTH', 'AUTH'],
  ['RET', 'DSN'],
  ['ENVID', 'DSN'],
  ...WISH_KEYWORDS,
])

/** Everything up to the end of the line. A keyword without value is `''`. */
export function readParameters(input: Reader): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  while (!input.atEnd) {
    input.need(SPACES, 'a space')
    // RFC 5321 §4.1.1: white space before CRLF is tolerated.
    if (input.atEnd) break
    const { column } = input
    const keyword = input.need(KEYWORD, 'a parameter').toUpperCase()
    if (parameters.has(keyword)) throw new ReadError(column, `each parameter once, not ${keyword.slice(0, 40)} again`)
    parameters.set(keyword, input.take('=') === undefined ? '' : input.need(VALUE, 'a value'))
  }
  return parameters
}

export function checkMail(parameters: ReadonlyMap<string, string>, offers: Offers): MailTerms | SmtpReply {
  const terms: { -readonly [K in keyof MailTerms]: MailTerms[K] } = { utf8: false, body: '7BIT' }
  for (const [keyword, value] of parameters) {
    const problem = takeMail(keyword, value, offers, terms)
    if (problem !== undefined) return problem
  }
  return contradiction(terms) ?? terms
}

function takeMail(
  keyword: string,
  value: string,
  offers: Offers,
  terms: { -readonly [K in keyof MailTerms]: MailTerms[K] },
): SmtpReply | undefined {
  const extension = MAIL_KEYWORDS.get(keyword)
  if (extension === undefined || !offers.has(extension)) return unknownParameter(keyword)
  switch (keyword) {
    case 'SIZE':
      // RFC 1870 §3: size-value is 1*20DIGIT; §6.1: 552 when it is over the limit.
      if (!/^\d{1,20}$/.test(value)) return badParameter(keyword, 'a number of octets')
      return Number(value) > offers.maxMessageBytes ? REPLY.messageTooBig : undefined
    case 'BODY':
      return takeBody(value.toUpperCase(), offers, terms)
    case 'SMTPUTF8':
      // RFC 6531 §3.4: no value.
      if (value !== '') return badParameter(keyword, 'no value')
      terms.utf8 = true
      return undefined
    case 'AUTH':
      // RFC 4954 §5; who is believed is for MAIL to say.
      return value === '<>' || (value !== '' && XTEXT.test(value))
        ? undefined
        : badParameter(keyword, 'an address or <>')
    case 'RET':
      // RFC 3461 §4.3
      if (!/^(?:FULL|HDRS)$/i.test(value)) return badParameter(keyword, 'FULL or HDRS')
      terms.ret = value.toUpperCase() === 'FULL' ? 'FULL' : 'HDRS'
      return undefined
    case 'ENVID':
      // RFC 3461 §4.4: at most 100 characters.
      if (value === '' || value.length > 100 || !PRINTABLE_XTEXT.test(value))
        return badParameter(keyword, 'printable xtext of at most 100 characters')
      terms.envid = value
      return undefined
    default:
      return takeWish(keyword, value, offers, terms)
  }
}

/** RFC 6152 §2, RFC 3030 §3 */
function takeBody(
  value: string,
  offers: Offers,
  terms: { -readonly [K in keyof MailTerms]: MailTerms[K] },
): SmtpReply | undefined {
  const binary = offers.has('BINARYMIME')
  if (value === '7BIT' || value === '8BITMIME' || (value === 'BINARYMIME' && binary)) {
    terms.body = value
    return undefined
  }
  return badParameter('BODY', binary ? '7BIT, 8BITMIME or BINARYMIME' : '7BIT or 8BITMIME')
}

export function checkRcpt(parameters: ReadonlyMap<string, string>, offers: Offers): DsnWish | SmtpReply {
  let notify: DsnWish['notify'] = []
  let orcpt: string | undefined
  for (const [keyword, value] of parameters) {
    if (!offers.has('DSN')) return unknownParameter(keyword)
    if (keyword === 'NOTIFY') {
      const read = readNotify(value)
      if (read === undefined) return badParameter(keyword, 'NEVER, or a list of SUCCESS, FAILURE, DELAY')
      notify = read
    } else if (keyword === 'ORCPT') {
      if (!isOrcpt(value)) return badParameter(keyword, 'addr-type;xtext of at most 500 characters')
      orcpt = value
    } else return unknownParameter(keyword)
  }
  return orcpt === undefined ? { notify } : { notify, orcpt }
}

/** RFC 3461 §4.1: NEVER stands alone; a word said twice is said once. */
function readNotify(value: string): DsnWish['notify'] | undefined {
  const words = value
    .toUpperCase()
    .split(',', MAX_NOTIFY_WORDS + 1)
    .map(word => NOTIFY.get(word))
  if (words.includes(undefined) || words.length > MAX_NOTIFY_WORDS) return undefined
  if (words.includes('never') && words.length > 1) return undefined
  return [...new Set(words)] as DsnWish['notify']
}

/** RFC 3461 §4.2; RFC 6533 §3 adds the type utf-8, whose address may be UTF-8. */
function isOrcpt(value: string): boolean {
  const cut = value.indexOf(';')
  // RFC 3461 §5.4: 500 octets at least.
  if (value.length > 500 || cut <= 0) return false
  const [type, address] = [value.slice(0, cut), value.slice(cut + 1)]
  if (!ATOM.test(type)) return false
  return PRINTABLE_XTEXT.test(address) || (type.toLowerCase() === 'utf-8' && !/[+=]/.test(address))
}
