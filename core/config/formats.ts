/**
 * The formats of our schemas: what passes, and how we say what was wished for.
 * One table, so that a format cannot be checked without a sentence to explain it.
 */
import { isIP } from 'node:net'
import { normaliseDomain, parseAddress } from '../text/address.js'
import { parseEndpoint } from '../text/endpoint.js'
import { parseNetwork } from '../text/network.js'
import { parseDuration, parseSize } from '../text/units.js'

export interface Format {
  readonly passes: (text: string) => boolean
  readonly wish: string
}

export const FORMATS: Readonly<Record<string, Format>> = {
  duration: { passes: text => parseDuration(text) !== undefined, wish: 'a duration such as 90s, 5m, 4h or 5d' },
  size: { passes: text => parseSize(text) !== undefined, wish: 'a size such as 64KB, 50MB or 1GB' },
  domain: { passes: text => normaliseDomain(text) !== undefined, wish: 'a domain such as example.net' },
  network: { passes: text => parseNetwork(text) !== undefined, wish: 'a network such as 192.0.2.0/24 or ::1' },
  email: { passes: text => parseAddress(text) !== undefined, wish: 'an address such as alice@example.net' },
  endpoint: {
    passes: text => parseEndpoint(text) !== undefined,
    wish: 'an address with port such as 127.0.0.1:25, [::1]:25 or unix:/path',
  },
  nameserver: { passes: isNameserver, wish: 'the IP address of a name server such as 192.0.2.53 or 127.0.0.1:5353' },
}

function isNameserver(text: string): boolean {
  if (isIP(text) !== 0) return true
  const parts = parseEndpoint(text)
  return parts?.kind === 'tcp' && parts.port > 0 && isIP(parts.host) !== 0
}
