/**
 * ENVELOPE (RFC 3501 §7.4.2): ten header fields in a fixed order. Values go out as they stand in the message, encoded words and raw
 * octets untouched; only the folding is undone.
 */
import { type AddressItem, type Field, parseAddressList } from 'posthouse/text'
import { writeNString } from './write.js'

type Addresses = readonly AddressItem[]

export function writeEnvelope(header: readonly Field[]): string {
  const first = firstFields(header)
  const text = (name: string) => writeNString(first.get(name))
  const list = (name: string) => parseAddressList(first.get(name) ?? '')
  const from = list('from')
  // RFC 3501 §7.4.2: absent or empty Sender and Reply-To are told as From.
  const orFrom = (addresses: Addresses) => (addresses.length > 0 ? addresses : from)
  const lists = [from, orFrom(list('sender')), orFrom(list('reply-to')), list('to'), list('cc'), list('bcc')]
  const fields = [text('date'), text('subject'), ...lists.map(writeAddresses), text('in-reply-to'), text('message-id')]
  return `(${fields.join(' ')})`
}

const WANTED = new Set(
  'date subject from sender reply-to to cc bcc in-reply-to message-id'.split(' ') as readonly string[],
)

/** A field that comes twice counts once, as the first. */
function firstFields(header: readonly Field[]): Map<string, string> {
  const first = new Map<string, string>()
  for (const { name, raw } of header) {
    const lower = name.toLowerCase()
    if (WANTED.has(lower) && !first.has(lower)) first.set(lower, raw.trimEnd())
  }
  return first
}

function writeAddresses(addresses: Addresses): string {
  if (addresses.length === 0) return 'NIL'
  return `(${addresses.map(writeAddress).join('')})`
}

/** RFC 3501 §7.4.2: a group starts with its name as mailbox and no host, and ends with all NIL. */
function writeAddress(address: AddressItem): string {
  if (address.kind === 'group')
    return `(NIL NIL ${writeNString(address.name)} NIL)${address.members.map(writeAddress).join('')}(NIL NIL NIL NIL)`
  const { name, route, local, domain } = address
  // A host that is NIL would read as a group: a mailbox without `@` gets an empty one.
  return `(${some(name)} ${some(route)} ${writeNString(local)} ${writeNString(domain)})`
}

function some(text: string): string {
  return writeNString(text === '' ? undefined : text)
}
