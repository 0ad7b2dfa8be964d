/**
 * An example of a rule made into a small mail. Leading lines such as `Subject: …` are its header; what is not said is filled in harmlessly,
 * and `Message-ID: -` leaves a field out. What SMTP and others would say stands there as well: `Envelope-From`, `Envelope-To`, `Helo`, `Listener`,
 * `Label`, `Finding: name points` and the clock (`Now`); and `Attachment: name kind` is a file of that kind (example-file.ts).
 */
import { attachmentOf } from './example-file.js'

const FIELD = /^([A-Za-z][A-Za-z0-9-]*):[ \t]?(.*)$/
const KNOWN =
  /^(from|to|cc|subject|reply-to|sender|message-id|date|content-[a-z-]+|mime-version|received|return-path|precedence|auto-submitted|importance|priority|organization|user-agent|in-reply-to|references|list-[a-z-]+|mailing-list|x-[a-z0-9-]+|attachment)$/i
/** What is no field of the message, and the field it is carried in to example-asked.ts. */
const TOLD = new Map([
  ['envelope-from', 'Return-Path'],
  ['envelope-to', 'X-Example-To'],
  ['helo', 'X-Example-Helo'],
  ['listener', 'X-Example-Listener'],
  ['label', 'X-Example-Label'],
  ['finding', 'X-Example-Finding'],
  ['now', 'X-Example-Now'],
])

const FILLED_IN = [
  ['From', '"Robin Example" <robin@sender.example>'],
  ['To', 'alex@example.org'],
  ['Message-ID', '<1@sender.example>'],
  ['Date', 'Mon, 1 Jan 2024 12:00:00 +0000'],
  ['MIME-Version', '1.0'],
] as const

interface Field {
  /** In lower case. */
  readonly name: string
  readonly line: string
}

export function mailOf(example: string): Buffer {
  const { fields, body } = partsOf(example)
  const files = fields.filter(({ name }) => name === 'attachment')
  const has = (wanted: string) => fields.some(({ name }) => name === wanted)
  const header = fields.filter(({ name, line }) => name !== 'attachment' && !/: *-$/.test(line)).map(({ line }) => line)
  for (const [name, value] of FILLED_IN) if (!has(name.toLowerCase())) header.push(`${name}: ${value}`)
  if (files.length > 0) return withFiles(header, body, files)
  if (!has('content-type')) header.push(`Content-Type: ${typeOf(body)}`)
  return Buffer.from(`${header.join('\r\n')}\r\n\r\n${body}\r\n`)
}

function partsOf(example: string): { readonly fields: readonly Field[]; readonly body: string } {
  const lines = example.trimEnd().split(/\r?\n/)
  const fields: Field[] = []
  let at = 0
  for (; at < lines.length; at++) {
    const line = lines[at]!
    const last = fields.at(-1)
    if (last !== undefined && /^[ \t]+\S/.test(line)) {
      fields[fields.length - 1] = { ...last, line: `${last.line}\r\n${line}` }
      continue
    }
    const [, written, value] = FIELD.exec(line) ?? []
    if (written === undefined) break
    const name = written.toLowerCase()
    const told = TOLD.get(name)
    if (told === undefined && !KNOWN.test(name)) break
    fields.push({ name, line: `${told ?? written}: ${value}` })
  }
  if (lines[at] === '') at++
  return { fields, body: lines.slice(at).join('\r\n') }
}

function typeOf(body: string): string {
  const type = /<(?:html|body|a|p|div|span|form|img|table)\b/i.test(body) ? 'text/html' : 'text/plain'
  return `${type}; charset=utf-8`
}

function withFiles(header: readonly string[], body: string, files: readonly Field[]): Buffer {
  const boundary = 'example-boundary'
  const own = header.filter(line => !/^content-type:/i.test(line))
  const parts = [
    `Content-Type: ${typeOf(body)}\r\n\r\n${body}`,
    ...files.map(({ line }) => attachmentOf(line.slice(line.indexOf(':') + 1).trim())),
  ]
  const whole = parts.map(part => `--${boundary}\r\n${part}\r\n`).join('')
  const type = `Content-Type: multipart/mixed; boundary="${boundary}"`
  return Buffer.from(`${[...own, type].join('\r\n')}\r\n\r\n${whole}--${boundary}--\r\n`)
}
