/** Who a message says it is from: the mailboxes of its From, and of its Sender. Pure. */
import type { Message } from 'posthouse/api'
import { type AddressParts, normaliseDomain, parseAddressList } from 'posthouse/text'

/** More authors than this have no message in common. */
const MAX_AUTHORS = 100

export type Authors =
  | { readonly kind: 'authors'; readonly addresses: readonly AddressParts[] }
  /** There is no From. */
  | { readonly kind: 'none' }
  /** `text` says what is wrong, for the sender. */
  | { readonly kind: 'wrong'; readonly text: string }

/** RFC 5322 §3.6: exactly one From. Two would let us look at one and the reader see the other. */
export function authorsOf(message: Message): Authors {
  const fields = rawFields(message, 'from')
  if (fields.length === 0) return { kind: 'none' }
  if (fields.length > 1) return wrong('The message has more than one From field')
  const addresses = addressesIn(fields[0]!)
  if (addresses === undefined) return wrong('The From field has no address that can be read')
  if (addresses.length > MAX_AUTHORS) return wrong('The From field names too many people')
  return { kind: 'authors', addresses }
}

/** `undefined` when there is something that is no address, or nothing at all. */
export function addressesIn(raw: string): readonly AddressParts[] | undefined {
  const items = parseAddressList(raw).flatMap(item => (item.kind === 'group' ? item.members : [item]))
  const addresses: AddressParts[] = []
  for (const { local, domain } of items) {
    const known = domain.startsWith('[') ? domain.toLowerCase() : normaliseDomain(domain)
    if (local === '' || known === undefined) return undefined
    addresses.push({ local, domain: known })
  }
  return addresses.length === 0 ? undefined : addresses
}

/** As written; octets of international addresses made readable (RFC 6532 §3.1). */
export function rawFields({ header }: Pick<Message, 'header'>, name: string): readonly string[] {
  return header
    .filter(field => field.name.toLowerCase() === name)
    .map(({ raw }) => Buffer.from(raw, 'latin1').toString('utf8'))
}

function wrong(text: string): Authors {
  return { kind: 'wrong', text }
}
