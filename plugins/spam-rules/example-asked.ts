/**
 * What a `score` hook would be asked about a message that has no session: rules tried on files and on their examples. What an example tells of
 * SMTP and of others is carried in fields (example.ts).
 */
import type { Address, Asked, Finding, Message } from 'posthouse/api'
import { parseDate, readPath } from 'posthouse/text'
import { Facts } from './facts.js'
import type { BrandTable } from './origin/brands.js'

/** Octets as hooks would see them. */
export type MessageOf = (bytes: Buffer) => Message

/** What rules look at in mail of files, with the brands of this site. */
export type FactsOf = (bytes: Buffer) => Promise<Facts>

const MAX_RECEIVED = 2000

/** With the findings that an example tells of. `brands`: left out, those that are shipped. */
export async function factsAbout(message: Message, brands?: BrandTable): Promise<Facts> {
  const facts = await Facts.of(askedAbout(message), clockOf(message), brands)
  facts.findings = message.fields('x-example-finding').flatMap(findingOf)
  return facts
}

/** The envelope's sender is taken from Return-Path, the recipients, where nothing else is told, from Delivered-To. */
function askedAbout(message: Message): Asked['score'] {
  const helo = message.field('x-example-helo')
  const listener = message.field('x-example-listener') ?? 'example'
  const here = { address: '127.0.0.1', port: 0 }
  return {
    message,
    envelope: {
      id: 'example.1',
      sender: senderOf(message),
      recipients: recipientsOf(message).map(address => ({ address, dsn: { notify: [] } })),
      parameters: new Map(),
      utf8: false,
      body: '8BITMIME',
    },
    session: {
      id: 'example',
      protocol: 'internal',
      listener,
      remote: here,
      local: here,
      extended: true,
      trusted: false,
      refused: { commands: 0, unknown: 0 },
      reverse: async () => ({ kind: 'unknown', why: 'an example' }),
      labels: new Set([listener, ...message.fields('x-example-label')]),
      ...(helo !== undefined && { helo }),
    },
  }
}

function senderOf(message: Message): Address | null {
  const path = message.field('return-path')
  const sender = path === undefined ? undefined : readPath(path.trim())?.address
  // Unknown is not null: a test on the null sender must not fire on files without Return-Path.
  return sender === undefined ? { local: 'unknown', domain: 'unknown.invalid' } : sender
}

function recipientsOf(message: Message): readonly Address[] {
  const told = message.fields('x-example-to')
  const written = told.length > 0 ? told : message.fields('delivered-to').slice(0, 1)
  return written.flatMap(text => {
    const path = text.trim()
    const address = readPath(path.startsWith('<') ? path : `<${path}>`)?.address
    return address === undefined || address === null ? [] : [address]
  })
}

/** Mail in files is old: the newest trace field tells when it came, else the message itself. */
function clockOf(message: Message): number {
  const told = message.field('x-example-now')
  const received = message.field('received')?.slice(0, MAX_RECEIVED)
  const traced = received?.slice(received.lastIndexOf(';') + 1)
  for (const text of [told, traced, message.field('date')]) {
    const at = text === undefined ? undefined : parseDate(text)
    if (at !== undefined) return at
  }
  return Date.now()
}

/** `dnsbl-listed 3` */
function findingOf(text: string): readonly Finding[] {
  const [name, points = '0', plugin] = text.trim().split(/\s+/)
  return name === undefined || name === ''
    ? []
    : [{ name, points: Number(points) || 0, says: 'told by the example', ...(plugin !== undefined && { plugin }) }]
}
