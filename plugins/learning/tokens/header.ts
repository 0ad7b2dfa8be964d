/**
 * Tokens of the header. `head` is the shape of fields that any mail may have; `local` is what only this site can use: addresses, hosts, lists,
 * programs. What other filters and our own server wrote is no evidence of anything and left out.
 */
import type { Message } from 'posthouse/api'
import { AT, addWhole, type Sink } from './sink.js'

const MOST_FIELDS = 80
const MOST_RAW = 400
const MOST_NAMES = 8

/** Verdicts of filters, seals of providers, and what is written on arrival. */
const NOT_THE_SENDERS =
  /^(?:x-spam|x-ham|x-ms-|x-microsoft-|x-forefront|x-exchange|x-eop|x-virus|x-bogosity|x-amavis|x-rspamd|x-barracuda|x-ironport|x-proofpoint|x-mimecast|x-sid-|x-sender-ip|x-incoming|x-ui-|x-gmx|x-yahoo|x-google|x-gm-|x-received|x-original-to|x-posthouse|x-evolution|x-mozilla|x-keywords|x-uid|arc-|authentication-results|received-spf|delivered-to|delivery-date|return-path|status|x-status|content-length|lines|dkim-|domainkey-)/i

/** Fields that many programs write and that say nothing of who has written. */
const COMMON = new Set(
  (
    'from date subject to cc reply-to sender message-id in-reply-to references mime-version content-type content-transfer-encoding content-disposition ' +
    'content-language user-agent x-mailer organization importance priority x-priority x-msmail-priority precedence list-id list-unsubscribe ' +
    'list-unsubscribe-post list-post list-help errors-to auto-submitted feedback-id disposition-notification-to x-originating-ip comments keywords'
  ).split(' '),
)

export function addHeader(sink: Sink, message: Message, fromDomain: string): void {
  const order: string[] = []
  let hops = 0
  for (const { name, raw } of message.header.slice(0, MOST_FIELDS)) {
    const field = fieldOf(name)
    if (field === '') continue
    const value = raw.length > MOST_RAW ? raw.slice(0, MOST_RAW) : raw
    if (field === 'received') {
      if (hops++ < 4) addHop(sink, value)
      continue
    }
    if (COMMON.has(field)) addWhole(sink, AT.head, field)
    else addWhole(sink, AT.local, `field ${field}`)
    if (!HAS_SHAPE.has(field)) continue
    if (IN_ORDER.has(field)) order.push(field.slice(0, 2))
    addShape(sink, field, value, fromDomain)
    addLocal(sink, field, value)
  }
  addWhole(sink, AT.local, `order ${order.join(' ')}`)
}

const REMEMBERED = 2000
const LONGEST_REMEMBERED = 40
/** The same few names stand in all mail: what each comes to, by how it is written. */
const fields = new Map<string, string>()

/** In lower case; '' for one that is no evidence. */
function fieldOf(name: string): string {
  const there = fields.get(name)
  if (there !== undefined) return there
  const field = NOT_THE_SENDERS.test(name) ? '' : name.toLowerCase()
  if (name.length > LONGEST_REMEMBERED) return field
  if (fields.size >= REMEMBERED) fields.clear()
  fields.set(name, field)
  return field
}

const IN_ORDER = new Set(['from', 'to', 'subject', 'date', 'message-id', 'mime-version', 'content-type'])

function addShape(sink: Sink, field: string, value: string, fromDomain: string): void {
  const add = (fact: string) => addWhole(sink, AT.head, fact)
  if (field === 'content-type') add(`type ${/^[\w/+.-]{1,60}/.exec(value.toLowerCase())?.[0] ?? ''}`)
  else if (field === 'content-transfer-encoding') add(`encoding ${value.toLowerCase().trim().slice(0, 20)}`)
  else if (field === 'from') add(`from ${/^".*"\s*</.test(value) ? 'quoted' : value.includes('<') ? 'named' : 'bare'}`)
  else if (field === 'to') add(`to ${toShape(value)}`)
  else if (field === 'message-id') {
    const host = /@([^>\s]*)/.exec(value)?.[1]?.toLowerCase() ?? ''
    add(`id of ${host === fromDomain ? 'sender' : host.includes('.') ? 'another' : 'nobody'}`)
    addWhole(sink, AT.local, `id like ${shapeOf(value)}`)
  }
}

function toShape(value: string): string {
  if (/undisclosed|recipient/i.test(value)) return 'undisclosed'
  if (value.split(',', 4).length > 3) return 'many'
  return value.includes('<') ? 'named' : 'bare'
}

/** `<abc123.DEF@…` → `<a0.A`. */
function shapeOf(value: string): string {
  return value
    .slice(0, Math.max(0, value.indexOf('@')))
    .replace(/[a-z]+/g, 'a')
    .replace(/[A-Z]+/g, 'A')
    .replace(/\d+/g, '0')
    .slice(0, 24)
}

const ADDRESSED = new Set([
  'from',
  'to',
  'cc',
  'sender',
  'reply-to',
  'errors-to',
  'list-id',
  'mailing-list',
  'list-unsubscribe',
])
/** Of all others it only counts that they are there. */
const HAS_SHAPE = new Set([...IN_ORDER, ...ADDRESSED, 'content-transfer-encoding', 'x-mailer', 'user-agent'])
const ADDRESS_OR_NAME = /[\w.+=-]{1,64}@[\w.-]{1,200}|[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g

function addLocal(sink: Sink, field: string, value: string): void {
  const add = (fact: string) => addWhole(sink, AT.local, fact)
  if (ADDRESSED.has(field)) {
    for (const name of value.toLowerCase().match(ADDRESS_OR_NAME)?.slice(0, MOST_NAMES) ?? []) {
      add(`${field} ${name}`)
      if (name.includes('@')) add(`${field} ${name.slice(name.indexOf('@') + 1)}`)
    }
  } else if (field === 'x-mailer' || field === 'user-agent') {
    add(
      `by ${value
        .replace(/[\d.]+.*/, '')
        .trim()
        .slice(0, 40)}`,
    )
    for (const word of value
      .toLowerCase()
      .match(/[a-z][\w.-]{1,20}/g)
      ?.slice(0, 4) ?? [])
      add(`by ${word}`)
  } else if (field === 'date')
    add(`zone ${/([+-]\d{4}|[A-Z]{3,4})\s*(?:\(.{0,40})?$/.exec(value.trimEnd())?.[1] ?? 'none'}`)
  else if (field === 'content-type')
    add(`charset ${/charset\s*=\s*"?([\w-]{1,30})/i.exec(value)?.[1]?.toLowerCase() ?? 'none'}`)
}

const HOST = /[a-z][\w-]{0,62}(?:\.[\w-]{1,63}){1,8}|\d{1,3}(?:\.\d{1,3}){3}/g

function addHop(sink: Sink, value: string): void {
  for (const host of value.toLowerCase().match(HOST)?.slice(0, 3) ?? []) {
    addWhole(sink, AT.local, `via ${host}`)
    const labels = host.split('.')
    const wider = /^\d/.test(host) ? labels.slice(0, 2) : labels.slice(-2)
    addWhole(sink, AT.local, `via ${wider.join('.')}`)
  }
}
