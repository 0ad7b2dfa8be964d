/**
 * Mail that goes round: from an alias of ours to another server, and from there back to us, for ever. What we have filed or sent on says so in
 * `Delivered-To`, so it is known at its first return, long before the count of Received fields says the same (RFC 5321 §6.3).
 */
import { type Answered, type Asked, type HeaderField, type Message, reject } from 'posthouse/api'
import { addressKey, Beside } from 'posthouse/text'

export const DELIVERED_TO = 'Delivered-To'

/** Addresses it was delivered to. Fields come as octets; an international address stands there in UTF-8. */
export function deliveredTo(header: readonly Pick<HeaderField, 'name' | 'raw'>[]): ReadonlySet<string> {
  const fields = header.filter(({ name }) => name.toLowerCase() === 'delivered-to')
  return new Set(fields.map(({ raw }) => Buffer.from(raw, 'latin1').toString().trim().toLowerCase()))
}

/** Hook `message`: asked for each recipient, and nearly all mail has been delivered nowhere yet. */
export function decideLoop(
  { message, recipient: { address } }: Asked['message'],
  domains: ReadonlySet<string>,
): Answered['message'] {
  if (!domains.has(address.domain) || message.field(DELIVERED_TO) === undefined) return undefined
  const been = beenTo(message)
  const key = addressKey(address)
  if (!been.has(key)) return undefined
  return reject(`mail is looping: it has been delivered to ${key} before`, {
    code: 554,
    status: '5.4.6',
    because: { rule: 'loop', evidence: `a ${DELIVERED_TO} field names ${key}` },
  })
}

/** A message may have a thousand recipients: its header is looked through once. */
const KNOWN = new Beside<Message, ReadonlySet<string>>()

function beenTo(message: Message): ReadonlySet<string> {
  const known = KNOWN.get(message)
  if (known !== undefined) return known
  const been = deliveredTo(message.header)
  KNOWN.set(message, been)
  return been
}
