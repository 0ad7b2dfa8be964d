/**
 * An example of a rule made into a small mail. Leading lines such as `Subject: …` are its header; what is not said is filled in harmlessly,
 * and `Message-ID: -` leaves a field out. `Envelope-From:` and `Helo:` stand for what SMTP would say.
 */

const FIELD = /^([A-Za-z][A-Za-z0-9-]*):[ \t]?(.*)$/
const KNOWN =
  /^(from|to|cc|subject|reply-to|sender|message-id|date|content-type|content-transfer-encoding|mime-version|received|return-path|envelope-from|helo|precedence|auto-submitted|importance|organization|user-agent|in-reply-to|references|list-[a-z-]+|x-[a-z0-9-]+)$/i
const SMTP_FIELDS = new Map([
  ['envelope-from', 'Return-Path'],
  ['helo', 'X-Example-Helo'],
])

const FILLED_IN = [
  ['From', '"Robin Example" <robin@sender.example>'],
  ['To', 'alex@example.org'],
  ['Message-ID', '<1@sender.example>'],
  ['Date', 'Mon, 1 Jan 2024 12:00:00 +0000'],
] as const

export function mailOf(example: string): Buffer {
  const lines = example.trimEnd().split(/\r?\n/)
  const fields = new Map<string, string>()
  let at = 0
  for (; at < lines.length; at++) {
    const [, name, value] = FIELD.exec(lines[at]!) ?? []
    if (name === undefined || !KNOWN.test(name)) break
    fields.set(name.toLowerCase(), `${SMTP_FIELDS.get(name.toLowerCase()) ?? name}: ${value}`)
  }
  if (lines[at] === '') at++
  const body = lines.slice(at).join('\r\n')
  for (const [name, value] of FILLED_IN)
    if (!fields.has(name.toLowerCase())) fields.set(name.toLowerCase(), `${name}: ${value}`)
  if (!fields.has('content-type')) {
    const type = /<(?:html|body|a|p|div|span|form|img|table)\b/i.test(body) ? 'text/html' : 'text/plain'
    fields.set('content-type', `Content-Type: ${type}; charset=utf-8`)
  }
  const header = [...fields.values()].filter(field => !/: *-$/.test(field))
  return Buffer.from(`${header.join('\r\n')}\r\n\r\n${body}\r\n`)
}
