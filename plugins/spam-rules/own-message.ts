/**
 * A message read from bytes by this plugin itself, for commands that have no session: trying rules on files and on their examples.
 * Its text comes from the MIME scan of `posthouse/text`; what mail looks like to a hook is core's matter and the same in all but broken mail.
 */
import type { Asked, Message, MessageText } from 'posthouse/api'
import {
  decodeCharset,
  decodeTransfer,
  decodeWords,
  htmlToText,
  type MimePart,
  readPath,
  scanHeader,
  scanMime,
} from 'posthouse/text'

const MOST_PARSED = 1024 * 1024

export function messageOf(bytes: Buffer): Message {
  const { fields } = scanHeader(bytes)
  const named = (name: string) =>
    fields.filter(field => field.name.toLowerCase() === name.toLowerCase()).map(field => decodeWords(field.raw))
  let text: MessageText | undefined
  return {
    size: bytes.length,
    header: fields,
    field: name => named(name)[0],
    fields: named,
    read: async (from = 0, to = bytes.length) => bytes.subarray(from, to),
    text: async () => (text ??= readText(bytes.subarray(0, MOST_PARSED), named('subject')[0] ?? '')),
  }
}

/** What a `score` hook would be asked. The envelope's sender is taken from Return-Path, the HELO name from `X-Example-Helo`. */
export function askedAbout(message: Message): Asked['score'] {
  const path = message.field('return-path')
  const sender = path === undefined ? undefined : readPath(path.trim())?.address
  const helo = message.field('x-example-helo')
  const here = { address: '127.0.0.1', port: 0 }
  return {
    message,
    envelope: {
      id: 'example.1',
      // Unknown is not null: a test on the null sender must not fire on files without Return-Path.
      sender: sender === undefined ? { local: 'unknown', domain: 'unknown.invalid' } : sender,
      recipients: [],
      parameters: new Map(),
      utf8: false,
      body: '8BITMIME',
    },
    session: {
      id: 'example',
      protocol: 'internal',
      listener: 'example',
      remote: here,
      local: here,
      extended: true,
      trusted: false,
      labels: new Set(),
      ...(helo !== undefined && { helo }),
    },
  }
}

function readText(bytes: Buffer, subject: string): MessageText {
  const { root, broken } = scanMime(bytes)
  const plain: string[] = []
  const html: string[] = []
  const attachments: MessageText['attachments'][number][] = []
  const waiting: MimePart[] = [root]
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    waiting.push(...part.children.toReversed())
    if (part.message !== undefined) waiting.push(part.message)
    if (part.type === 'multipart' || part.message !== undefined) continue
    if (part.type === 'text' && part.disposition?.value !== 'attachment') {
      const content = decodeTransfer(bytes.subarray(part.start, part.end), part.encoding)
      const into = part.subtype === 'html' ? html : plain
      into.push(decodeCharset(content, part.params.get('charset') ?? ''))
    } else {
      const name = decodeWords(part.disposition?.params.get('filename') ?? part.params.get('name') ?? '')
      attachments.push({ name, type: `${part.type}/${part.subtype}`, size: part.end - part.start })
    }
  }
  const { text, links } = htmlToText(html.join('\n'))
  const body = [...plain, text].filter(part => part !== '').join('\n')
  return { subject, body, html: html.join('\n'), links, attachments, broken }
}
