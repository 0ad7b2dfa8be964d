/**
 * The second reader: mailparser, which shares no line with our own and so none of its faults. It is asked only when ours has thrown, off the main
 * thread and within the same time limit, so that no fault of ours lets a mail pass unread. Lean: its HTML conversion blocks for seconds
 * on nested blocks, ours is linear.
 */
import type { ParsedMail } from 'mailparser'
import { bothEnds } from '../text/ends.js'
import { readHtml } from '../text/html.js'
import type { Reading } from '../text/index.js'

const LEAN = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true } as const
/** It is slower than ours by far. */
const MOST_BYTES = 1024 * 1024
const MAX_CHARS = 1_000_000
const MAX_ATTACHMENTS = 200

export async function readAgain(bytes: Buffer, why: unknown): Promise<Reading> {
  const { simpleParser } = await import('mailparser')
  const broken = [`our reader failed (${why instanceof Error ? why.message : 'unknown trouble'}), another one read it`]
  if (bytes.length > MOST_BYTES) broken.push(`only the first ${MOST_BYTES} octets were looked at`)
  return readingOf(await simpleParser(bytes.subarray(0, MOST_BYTES), LEAN), broken)
}

function readingOf(mail: ParsedMail, broken: readonly string[]): Reading {
  const html = bothEnds(mail.html === false ? '' : mail.html, MAX_CHARS)
  const { text, hidden, links, facts } = readHtml(html)
  const attachments = mail.attachments.slice(0, MAX_ATTACHMENTS).map(({ filename, contentType, size }) => ({
    name: filename ?? '',
    type: contentType,
    size,
  }))
  return {
    body: bothEnds([mail.text ?? '', text].filter(one => one !== '').join('\n'), MAX_CHARS),
    hidden,
    html,
    htmlFacts: facts,
    links,
    attached: '',
    attachedLinks: [],
    attachments,
    parts: [],
    broken,
  }
}
