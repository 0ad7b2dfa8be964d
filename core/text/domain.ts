/**
 * Domain names as mail uses them: lower case, no trailing dot, labels that DNS could hold. U-labels (RFC 5890) are kept as
 * they are, but only when they have an A-label form, so that whatever passes here can be looked up.
 */
import { domainToASCII } from 'node:url'

/** RFC 1035 §2.3.4: labels of at most 63 octets. */
const LABELS = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/
const ASCII = /^[\x00-\x7f]*$/
const DOTTED_NUMBER = /^[0-9.]+$/

/** `undefined`: not a domain name. */
export function normaliseDomain(text: string): string | undefined {
  // RFC 5321 §4.5.3.1.2: 255 octets; nothing longer is even looked at.
  if (text === '' || text.length > 256) return undefined
  const dotless = text.endsWith('.') ? text.slice(0, -1) : text
  const domain = ASCII.test(dotless) ? dotless.toLowerCase() : dotless.normalize('NFC').toLowerCase()
  if (Buffer.byteLength(domain) > 255) return undefined
  return toAsciiDomain(domain) === undefined ? undefined : domain
}

/** The A-label form, for DNS and for peers without SMTPUTF8. */
export function toAsciiDomain(domain: string): string | undefined {
  const lower = domain.toLowerCase()
  if (ASCII.test(lower)) return validAscii(lower) ? lower : undefined
  const ascii = domainToASCII(lower)
  // domainToASCII follows URL rules: other dots become dots and numbers become addresses. Neither is a domain name.
  if (ascii === '' || DOTTED_NUMBER.test(ascii)) return undefined
  return ascii.split('.').length === lower.split('.').length && validAscii(ascii) ? ascii : undefined
}

/** One key for all spellings of a domain: case, U-labels or A-labels. Of what is no domain: itself in lower case. */
export function domainKey(text: string): string {
  return toAsciiDomain(text) ?? text.toLowerCase()
}

/** Domains that are the same however they are written: case, trailing dot, U-labels or A-labels. Goes through them as first given. */
export class DomainSet extends Set<string> {
  readonly #ascii = new Set<string>()

  constructor(domains: Iterable<string> = []) {
    super()
    for (const domain of domains) this.add(domain)
  }

  override add(text: string): this {
    const domain = normaliseDomain(text) ?? text.toLowerCase()
    const ascii = toAsciiDomain(domain) ?? domain
    if (!this.#ascii.has(ascii)) super.add(domain)
    this.#ascii.add(ascii)
    return this
  }

  override has(domain: string): boolean {
    return super.has(domain) || this.#ascii.has(toAsciiDomain(domain) ?? domain)
  }
}

function validAscii(domain: string): boolean {
  // RFC 1035 §2.3.4: names of at most 255 octets on the wire, which are 253 characters.
  return domain.length <= 253 && LABELS.test(domain)
}
