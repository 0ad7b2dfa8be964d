/**
 * Writes a reply as it goes over the wire. Whatever came from a plugin, a store or the peer is made printable ASCII here, so that no
 * text can end a line, start another reply, or be longer than a client may expect.
 */
import type { SmtpReply } from '../api/index.js'

/** RFC 5321 §4.5.3.1.5: 512 octets with code and CRLF; this leaves room for code, enhanced code and line end. */
const MAX_TEXT = 490
const MAX_LINES = 50
/** RFC 4954 §4: a challenge may have 12288 octets, and is one line whatever its length. */
const MAX_CHALLENGE = 12_280
const ENHANCED = /^[245]\.\d{1,3}\.\d{1,3}$/
const PLAIN = /^[\x20-\x7e]*$/

/** `enhanced`: RFC 2034 is offered. */
export function formatReply(reply: SmtpReply, enhanced: boolean): string {
  const code = reply.code >= 200 && reply.code <= 599 ? Math.trunc(reply.code) : 451
  // RFC 2034 §4: the class is that of the reply code; 3yz has none.
  const fits = reply.status !== undefined && ENHANCED.test(reply.status) && reply.status[0] === String(code)[0]
  const status = enhanced && fits ? `${reply.status} ` : ''
  const { text } = reply
  const most = code === 334 ? MAX_CHALLENGE : MAX_TEXT
  if (typeof text === 'string' && text.length <= most && PLAIN.test(text)) return `${code} ${status}${text}\r\n`
  const lines = (typeof text === 'string' ? [text] : text).flatMap(wrap).slice(0, MAX_LINES)
  if (lines.length === 0) lines.push('')
  const last = lines.length - 1
  return lines.map((line, i) => `${code}${i < last ? '-' : ' '}${status}${line}\r\n`).join('')
}

function wrap(text: string): string[] {
  const clean = text.slice(0, MAX_TEXT * MAX_LINES).replace(/[^\x20-\x7e]/gu, '?')
  const lines: string[] = []
  let rest = clean
  while (rest.length > MAX_TEXT) {
    const space = rest.lastIndexOf(' ', MAX_TEXT)
    const cut = space > 0 ? space : MAX_TEXT
    lines.push(rest.slice(0, cut))
    rest = rest.slice(space > 0 ? cut + 1 : cut)
  }
  lines.push(rest)
  return lines
}
