/**
 * A header in ASCII in place of one with raw text, for clients that have not said that they can read it (RFC 6858 §2, RFC 6856 §2.1):
 * what people read is kept in encoded words, an address beyond ASCII becomes one that can be nobody's. Bodies stay as they are, and so
 * do the headers of parts.
 */
import { formatAddress } from './address.js'
import { type AddressItem, type MailboxItem, parseAddressList } from './address-list.js'
import { type Field, foldField, scanHeader } from './header.js'
import { parseParameters } from './parameters.js'
import { decodeWords, encodePhrase, encodeWords } from './words.js'

/** RFC 6858 §2.1 */
const ADDRESSES = new Set(
  'bcc cc from reply-to resent-bcc resent-cc resent-from resent-reply-to resent-sender resent-to return-path sender to'.split(
    ' ',
  ),
)
const TEXTS = new Set(['subject', 'comments', 'content-description', 'organization'])
const PARAMETERS = new Set(['content-type', 'content-disposition'])
/** RFC 2606 §2: a name that nobody has. */
const NOBODY = 'invalid@internationalized-address.invalid'
/** Octets of fields that are written anew for one header; lists of addresses that go on for longer would hold up everybody else. */
const MOST_CHANGED = 32_768
const ASCII = /^[\x00-\x7f]*$/
/** RFC 2231 §7: what may stand in an extended value as it is. */
const PLAIN = /^[A-Za-z0-9!#$&+.^_`{|}~-]$/

/** `header` with its empty line, if it has one, and nothing behind. The same buffer when there is nothing to change. */
export function surrogateHeader(header: Buffer): Buffer {
  if (isAsciiOnly(header)) return header
  const { fields, ended } = scanHeader(header, Number.POSITIVE_INFINITY)
  let left = MOST_CHANGED
  const kept = fields.map(field => {
    const octets = header.subarray(field.start, field.end)
    if (isAsciiOnly(octets)) return octets
    // RFC 6858 §2.4: what cannot be shown is left out
    if (octets.length > left) return Buffer.alloc(0)
    left -= octets.length
    return Buffer.from(surrogateField(field))
  })
  return Buffer.concat(ended ? [...kept, Buffer.from('\r\n')] : kept)
}

export function isAsciiOnly(octets: Buffer): boolean {
  return octets.every(octet => octet < 0x80)
}

function surrogateField({ name, raw }: Field): string {
  const key = name.toLowerCase()
  if (ADDRESSES.has(key)) return foldField(name, parseAddressList(raw).map(writtenItem).join(', '))
  if (TEXTS.has(key)) return foldField(name, encodeWords(decodeWords(raw)))
  if (PARAMETERS.has(key)) return foldField(name, writtenParameters(raw))
  // RFC 6858 §2.4
  return ''
}

function writtenItem(item: AddressItem): string {
  if (item.kind === 'mailbox') return writtenMailbox(item)
  return `${encodePhrase(decodeWords(item.name))}: ${item.members.map(writtenMailbox).join(', ')};`
}

function writtenMailbox({ name, local, domain }: MailboxItem): string {
  const shown = decodeWords(name)
  if (!ASCII.test(local) || !ASCII.test(domain)) {
    const address = Buffer.from(`${local}@${domain}`, 'latin1').toString()
    return `${encodePhrase(shown === '' ? address : `${shown} (${address})`)} <${NOBODY}>`
  }
  const address = formatAddress({ local, domain })
  return shown === '' ? address : `${encodePhrase(shown)} <${address}>`
}

function writtenParameters(raw: string): string {
  const { value, params } = parseParameters(raw)
  if (!ASCII.test(value)) return ''
  return [value, ...[...params].filter(([name]) => ASCII.test(name)).map(([name, text]) => parameter(name, text))].join(
    '; ',
  )
}

function parameter(name: string, text: string): string {
  if (ASCII.test(text)) return `${name}="${text.replace(/["\\]/g, '\\$&')}"`
  const octets = [...Buffer.from(text)].map(octet => {
    const char = String.fromCharCode(octet)
    return PLAIN.test(char) ? char : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`
  })
  return `${name}*=UTF-8''${octets.join('')}`
}
