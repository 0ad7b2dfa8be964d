/** Addresses in the URI scheme `mailto` (RFC 6068), as records name those that want reports. Strangers write them. */
import { type AddressParts, parseAddress } from './address.js'

/** `undefined`: another scheme, or no single address that can be written to. What stands behind `?` is passed over. */
export function readMailto(uri: string): AddressParts | undefined {
  if (!/^mailto:/i.test(uri)) return undefined
  const text = decoded(uri.slice('mailto:'.length).replace(/[?].*$/s, ''))
  return text === undefined ? undefined : parseAddress(text)
}

/** RFC 6068 §2 */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // Percent signs that stand for nothing.
    return undefined
  }
}
