/**
 * What greylisting remembers things under. A delivery attempt is known by where it comes from, its sender and its recipient; all three
 * come from the network, so the key is a digest of constant length. Pure.
 */
import { createHash } from 'node:crypto'
import type { Address } from 'posthouse/api'
import { addressKey, organisationOf, publicSuffixOf } from 'posthouse/text'

const DIGEST_BYTES = 18

/** An attempt, by one of the names of where it comes from. */
export function attemptKey(origin: string, sender: Address | null, recipient: Address): string {
  const parts = JSON.stringify([origin, senderKey(sender), addressKey(recipient)])
  return `try/${createHash('sha256')
    .update(parts)
    .digest('base64url')
    .slice(0, (DIGEST_BYTES * 4) / 3)}`
}

/** A network that has proven itself. */
export function networkKey(network: string): string {
  return `net/${network}`
}

/**
 * RFC 6647 §4.2: some senders put the details of one message into the address, and would be new at every try. So what stands behind a
 * `+`, and every number, counts for nothing.
 */
export function senderKey(sender: Address | null): string {
  if (sender === null) return '<>'
  const [base = ''] = sender.local.split('+', 1)
  return addressKey({ local: (base === '' ? sender.local : base).replace(/[0-9]+/g, '#'), domain: sender.domain })
}

/** RFC 6647 §5, 5: hosts of one pool may be far apart, but their confirmed names end alike. Whose customers have names, they do not share. */
export function poolOf(name: string): string | undefined {
  const domain = organisationOf(name)
  // A public suffix is nobody's pool.
  return domain === (publicSuffixOf(domain) ?? domain) ? undefined : `pool ${domain}`
}
