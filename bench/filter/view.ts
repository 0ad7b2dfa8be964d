/**
 * What a filter is shown of a message of a set. `full`: as it came, without what other filters wrote into its header and without the mbox line.
 * `neutral`: sender, subject, MIME fields and body only, since sets can be told apart by the rest without reading a word (trace fields, list
 * fields, the mask of one collection). The clock stands when the mail came, which its newest Received field says.
 */
import type { Envelope, ReverseName, Session } from 'posthouse/api'
import { mailboxOf, readPath } from 'posthouse/text'
import { messageOf } from '../../core/storage/message.js'

export type View = 'full' | 'neutral'

export interface Mail {
  /** With CRLF, as it came over the wire to the house that took it in: without what that house wrote in front. */
  readonly octets: Buffer
  /** The same as that house's server gives it to a filter: with its own Received field. */
  readonly handed: Buffer
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly year: number
  readonly session: Partial<Session>
  readonly envelope: Partial<Envelope>
}

/** Written by filters and by the servers that ask them: who reads these tests another filter's verdict. */
const VERDICTS =
  /^(?:x-(?:spam|ham-report|ms-|microsoft-|eop|forefront|exchange|incomingheadercount|incomingtopheadermarker|message-(?:delivery|info)|sid-|virus|bogosity|rspamd?|amavis|crm114|dspam|mailscanner|scanned|anti-?spam|avas|barracuda|proofpoint|brightmail|kaspersky|cloudmark|cmae|vr-|ironport-a|pmx|mimedefang|sender-ip|razor|pyzor|dcc-|sa-|assp|gmx-anti|yahoofilteredbulk|ymailisg|spambayes)|authentication-results|arc-|received-spf|dkim-filter|domainkey-status)/i
/** What the neutral view leaves in. */
const NEUTRAL = /^(?:from|reply-to|subject|mime-version|content-[a-z-]+)$/i
const MASK = /phishing@pot/gi
/** So that the mask tells nothing. */
const UNMASKED = 'user@example.org'
const FALLBACK_AT = Date.UTC(2005, 0, 1)

export function viewOf(file: Buffer, view: View): Mail {
  const { fields, body } = taken(file.toString('latin1'))
  const kept = fields.filter(({ name }) => !VERDICTS.test(name))
  const at = timeOf(kept)
  const when = { at, year: new Date(at).getUTCFullYear() }
  if (view === 'neutral') {
    const shown = textOf(
      kept.filter(({ name }) => NEUTRAL.test(name)),
      body,
    ).replace(MASK, UNMASKED)
    const octets = Buffer.from(shown, 'latin1')
    return { octets, handed: octets, ...when, ...fromAnywhere(octets) }
  }
  const door = kept.findIndex(isDoor)
  const without = (upTo: number) => kept.filter(({ name }, i) => i >= upTo || name.toLowerCase() !== 'received')
  const octets = Buffer.from(textOf(without(door + 1), body), 'latin1')
  const handed = Buffer.from(textOf(without(door), body), 'latin1')
  return { octets, handed, ...when, ...cameFrom(kept, kept[door]) }
}

function textOf(fields: readonly Field[], body: string): string {
  return `${fields.map(({ text }) => text).join('')}\n${body}`.replace(/\r?\n/g, '\r\n')
}

const UNKNOWN = { local: 'unknown', domain: 'unknown.invalid' }

/** By SMTP, from the same client whatever it is, in the name of its author: nothing of that tells one mail from another. */
function fromAnywhere(octets: Buffer): Pick<Mail, 'session' | 'envelope'> {
  const author = mailboxOf(messageOf(octets).header, 'from')
  return {
    session: {
      protocol: 'smtp',
      remote: { address: '198.51.100.25', port: 25 },
      helo: 'mail.example.net',
      reverse: unknownName,
    },
    envelope: { sender: author === undefined ? UNKNOWN : { local: author.local, domain: author.domain } },
  }
}

interface Field {
  readonly name: string
  /** As it stands there, folded, with its line end. */
  readonly text: string
}

/** Ends of lines may be of both kinds. An mbox line in front is no field. */
function taken(text: string): { readonly fields: readonly Field[]; readonly body: string } {
  const unix = text.replace(/\r\n/g, '\n')
  const fields: Field[] = []
  let at = 0
  while (at < unix.length && unix[at] !== '\n') {
    let end = unix.indexOf('\n', at) + 1 || unix.length
    while (unix[end] === ' ' || unix[end] === '\t') end = unix.indexOf('\n', end) + 1 || unix.length
    const line = unix.slice(at, end)
    const name = /^([!-9;-~]+)[ \t]*:/.exec(line)?.[1]
    if (name !== undefined) fields.push({ name, text: line.endsWith('\n') ? line : `${line}\n` })
    else if (!/^>?From /.test(line)) break
    at = end
  }
  return { fields, body: unix.slice(unix[at] === '\n' ? at + 1 : at) }
}

function timeOf(fields: readonly Field[]): number {
  const named = (name: string) => fields.filter(field => field.name.toLowerCase() === name).map(({ text }) => text)
  const times = [...named('received').map(text => text.slice(text.lastIndexOf(';') + 1)), ...named('date')]
  for (const text of times) {
    const at = Date.parse(
      text
        .replace(/^date:/i, '')
        .replace(/\([^)]*\)/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    // A mail from before there was mail, or from tomorrow, says nothing.
    if (at > Date.UTC(1990) && at < Date.UTC(2035)) return at
  }
  return FALLBACK_AT
}

const CLIENT = /[[(](?:IPv6:)?(\d{1,3}(?:\.\d{1,3}){3})[\])]/

/** Where it came into the house: the first field of the trace, from the top, that names a client with an address of the Internet. */
function isDoor({ name, text }: Field): boolean {
  const address = name.toLowerCase() === 'received' ? CLIENT.exec(text)?.[1] : undefined
  return address !== undefined && !isInside(address)
}

function cameFrom(fields: readonly Field[], door: Field | undefined): Pick<Mail, 'session' | 'envelope'> {
  const path = fields
    .find(({ name }) => name.toLowerCase() === 'return-path')
    ?.text.replace(/^[^:]*:/, '')
    .trim()
  // Some write it without the brackets.
  const read = path === undefined ? undefined : readPath(path.startsWith('<') ? path : `<${path}>`)
  const sender = read === undefined ? UNKNOWN : read.address
  if (door === undefined) return { session: { protocol: 'internal', reverse: unknownName }, envelope: { sender } }
  const helo = /^received:\s*from\s+([^\s()]{1,255})/i.exec(door.text)?.[1]
  return {
    session: {
      protocol: 'smtp',
      remote: { address: CLIENT.exec(door.text)![1]!, port: 25 },
      reverse: unknownName,
      ...(helo !== undefined && { helo }),
    },
    envelope: { sender },
  }
}

async function unknownName(): Promise<ReverseName> {
  return { kind: 'unknown', why: 'a mail from a file' }
}

function isInside(address: string): boolean {
  return /^(?:10|127|0)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^169\.254\./.test(address)
}
