/**
 * What a reader would see of a message: mailparser, lean and lazily loaded, since a parse costs many times the transaction.
 * Its HTML conversion stays off (it blocks for seconds on nested blocks); ours is linear. When mailparser gives up on a limit,
 * our own MIME scan supplies the text, so that a broken message does not slip past the rules unread.
 */
import type { ParsedMail } from 'mailparser'
import type { MessageText } from '../api/index.js'
import { decodeCharset, decodeTransfer, decodeWords, htmlToText, type MimePart, scanMime } from '../text/index.js'

export type Readable = Omit<MessageText, 'subject'>

const LEAN = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true } as const
const MAX_ATTACHMENTS = 200
/** A parse of the most we give it takes a quarter of a second. */
const GIVE_UP_AFTER_MS = 10_000

/** Never throws for what the message holds; `broken` takes what was wrong. */
export async function readableText(bytes: Buffer, broken: string[]): Promise<Readable> {
  try {
    return readableOf(await parse(bytes), broken)
  } catch (error) {
    broken.push(`not parsed: ${error instanceof Error ? error.message : 'unknown trouble'}`)
    return scanText(bytes, broken)
  }
}

async function parse(bytes: Buffer): Promise<ParsedMail> {
  const { simpleParser } = await import('mailparser')
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, refuse) => {
    timer = setTimeout(() => refuse(new Error('the parser did not come to an end')), GIVE_UP_AFTER_MS)
  })
  try {
    return await Promise.race([simpleParser(bytes, LEAN), late])
  } finally {
    clearTimeout(timer)
  }
}

function readableOf(mail: ParsedMail, broken: readonly string[]): Readable {
  const attachments = mail.attachments.slice(0, MAX_ATTACHMENTS).map(({ filename, contentType, size }) => ({
    name: filename ?? '',
    type: contentType,
    size,
  }))
  return assemble(mail.text === undefined ? [] : [mail.text], mail.html === false ? '' : mail.html, attachments, broken)
}

function assemble(
  plain: readonly string[],
  html: string,
  attachments: Readable['attachments'],
  broken: readonly string[],
): Readable {
  const { text, links } = htmlToText(html)
  return { body: [...plain, text].filter(part => part !== '').join('\n'), html, links, attachments, broken }
}

/** The same from our own scan: less exact, never refuses. */
function scanText(bytes: Buffer, broken: string[]): Readable {
  const scan = scanMime(bytes)
  broken.push(...scan.broken)
  const plain: string[] = []
  const html: string[] = []
  const attachments: { name: string; type: string; size: number }[] = []
  const waiting = [scan.root]
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    waiting.push(...part.children.toReversed())
    if (part.message !== undefined) waiting.push(part.message)
    if (part.type === 'multipart' || part.message !== undefined) continue
    const name = nameOf(part)
    if (part.type !== 'text' || part.disposition?.value === 'attachment') {
      if (attachments.length < MAX_ATTACHMENTS) {
        attachments.push({ name, type: `${part.type}/${part.subtype}`, size: part.end - part.start })
      }
      continue
    }
    const content = decodeTransfer(bytes.subarray(part.start, part.end), part.encoding)
    const into = part.subtype === 'html' ? html : plain
    into.push(decodeCharset(content, part.params.get('charset') ?? ''))
  }
  return assemble(plain, html.join('\n'), attachments, broken)
}

function nameOf(part: MimePart): string {
  return decodeWords(part.disposition?.params.get('filename') ?? part.params.get('name') ?? '')
}
