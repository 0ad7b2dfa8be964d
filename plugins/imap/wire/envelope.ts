/**
 * ENVELOPE (RFC 3501 §7.4.2): ten header fields in a fixed order. Values go out as they stand in the message, encoded words and raw
 * octets untouched; only the folding is undone.
 */
import { type AddressItem, type Field, type MailboxItem, parseAddressList } from 'posthouse/text'
import { writeNString } from './write.js'

type Addresses = readonly AddressItem[]

export function writeEnvelope(header: readonly Field[]): string {
  const found = wantedFields(header)
  const text = (name: string) => writeNString(found.get(name)?.[0])
  const list = (name: string) => parseAddressList(found.get(name)?.[0] ?? '')
  // RFC 5322 §4.5.3: recipients in several fields of one name are one list.
  const lists = (name: string) => (found.get(name) ?? []).flatMap(parseAddressList)
  const from = writeAddresses(list('from'))
  // RFC 3501 §7.4.2: absent or empty Sender and Reply-To are told as From.
  const orFrom = (addresses: Addresses) => (addresses.length > 0 ? writeAddresses(addresses) : from)
  const senders = [from, orFrom(list('sender')), orFrom(list('reply-to'))]
  const recipients = [lists('to'), lists('cc'), lists('bcc')].map(writeAddresses)
  const fields = [text('date'), text('subject'), ...senders, ...recipients, text('in-reply-to'), text('message-id')]
  return `(${fields.join(' ')})`
}

const WANTED = new Set(
  'date subject from sender reply-to to cc bcc in-reply-to message-id'.split(' ') as readonly string[],
)

/** Values in the order of the message; of all but recipients the first counts. */
function wantedFields(header: readonly Field[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { name, raw } of header) {
    const lower = name.toLowerCase()
    if (!WANTED.has(lower)) continue
    const values = found.get(lower)
    if (values) values.push(raw.trimEnd())
    else found.set(lower, [raw.trimEnd()])
  }
  return found
}

function writeAddresses(addresses: Addresses): string {
  if (addresses.length === 0) return 'NIL'
  return `(${addresses.map(writeAddress).join('')})`
}

/** RFC 3501 §7.4.2: a group starts with its name as mailbox and no host, and ends with all NIL. */
function writeAddress(address: AddressItem): string {
  if (address.kind === 'group')
    return `(NIL NIL ${writeNString(address.name)} NIL)${address.members.map(writeAddress).join('')}(NIL NIL NIL NIL)`
  const { route, domain } = address
  const [name, local] = named(address)
  // A host that is NIL would read as a group: a mailbox without `@` gets an empty one.
  return `(${some(name)} ${some(route)} ${writeNString(local)} ${writeNString(domain)})`
}

/** Several words without an address are a name: nobody has a mailbox `Mail Delivery System`. */
function named({ name, local, domain }: MailboxItem): readonly [name: string, local: string] {
  return name === '' && domain === '' && local.includes(' ') ? [local, ''] : [name, local]
}

function some(text: string): string {
  return writeNString(text === '' ? undefined : text)
}
