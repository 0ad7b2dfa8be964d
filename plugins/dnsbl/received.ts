/**
 * Through whose hands a message says it came: the addresses in its Received fields, the newest first. Only what our own hosts wrote is
 * sure; everything below may have been written by anybody. Bounded; never throws.
 */
import { isIP } from 'node:net'
import { NetworkSet, plainIp, UNROUTABLE_NETWORKS } from 'posthouse/text'

const MAX_FIELDS = 50
const MAX_RAW = 1000
// `(mail.example [192.0.2.1])`, `[IPv6:2001:db8::1]`, and as qmail has it `(192.0.2.1)`. The last is what the host saw; HELO stands before it.
const IN_BRACKETS = /\[(?:IPv6:)?([0-9a-f.:]{2,45})\]/gi
const IN_PARENTHESES = /\((?:[^()\s]{1,200}@)?([0-9a-f.:]{2,45})\)/gi

const unroutable = new NetworkSet(UNROUTABLE_NETWORKS)

/** Addresses of the world only. */
export function hopsOf(header: readonly { readonly name: string; readonly raw: string }[]): readonly string[] {
  return header
    .filter(({ name }) => name.toLowerCase() === 'received')
    .slice(0, MAX_FIELDS)
    .flatMap(({ raw }) => addressIn(raw.slice(0, MAX_RAW)) ?? [])
    .filter(address => !unroutable.has(address))
}

/** RFC 5321 §4.4: the From-domain clause, up to the By-domain. */
function addressIn(raw: string): string | undefined {
  if (!/^from\s/i.test(raw)) return undefined
  const end = raw.search(/\sby\s/i)
  const from = end < 0 ? raw : raw.slice(0, end)
  for (const form of [IN_BRACKETS, IN_PARENTHESES]) {
    const address = [...from.matchAll(form)].map(([, text]) => text!).findLast(text => isIP(text) !== 0)
    if (address !== undefined) return plainIp(address)
  }
  return undefined
}
