/**
 * Modified UTF-7 for mailbox names (RFC 3501 §5.1.3). Inside we know UTF-8 names only; IMAP speaks it, and
 * Maildir folders of other servers are named so.
 * Decoding insists on the one right form, so that a name has a single spelling: printable ASCII may not hide in base64,
 * shifts may not touch, and surrogates come in pairs.
 */
const DIRECT = /^[\x20-\x7e]*$/

export function encodeUtf7(name: string): string {
  return name.replace(/&|[^\x20-\x7e]+/g, part => {
    if (part === '&') return '&-'
    const utf16 = Buffer.from(part, 'utf16le').swap16()
    return `&${utf16.toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`
  })
}

/** `undefined` when it is not modified UTF-7. */
export function decodeUtf7(octets: string): string | undefined {
  if (!DIRECT.test(octets)) return undefined
  let name = ''
  let at = 0
  while (at < octets.length) {
    const shift = octets.indexOf('&', at)
    if (shift < 0) return name + octets.slice(at)
    const end = octets.indexOf('-', shift)
    if (end < 0) return undefined
    const part = end === shift + 1 ? '&' : decodeShift(octets.slice(shift + 1, end))
    // RFC 3501 §5.1.3: "&Jjo-&Jjo-" is not allowed, it must be one shift.
    const touches = shift > 0 && shift === at && endsShift(octets, shift)
    if (part === undefined || (touches && part !== '&')) return undefined
    name += octets.slice(at, shift) + part
    at = end + 1
  }
  return name
}

/** Whether the `-` before `at` ends a base64 shift (and not `&-`). */
function endsShift(octets: string, at: number): boolean {
  return octets[at - 1] === '-' && octets[at - 2] !== '&'
}

function decodeShift(base64: string): string | undefined {
  if (!/^[A-Za-z0-9+,]+$/.test(base64)) return undefined
  const bytes = Buffer.from(base64.replaceAll(',', '/'), 'base64')
  if (bytes.length === 0 || bytes.length % 2 !== 0) return undefined
  const text = bytes.swap16().toString('utf16le')
  if (/[\x20-\x7e]/.test(text) || hasLoneSurrogate(text)) return undefined
  return encodeUtf7(text) === `&${base64}-` ? text : undefined
}

function hasLoneSurrogate(text: string): boolean {
  return /\p{Cs}/u.test(text)
}
