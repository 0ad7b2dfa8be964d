/**
 * Which names may go into a DNS question and come out of an answer.
 * Apart, because answers are network data: a hostile zone may put anything into a label, and what leaves this folder must be safe to
 * log and to connect to. Names are lower case, without a trailing dot, in A-labels.
 */
import { domainToASCII } from 'node:url'
import { reversedLabels } from '../text/index.js'

/** RFC 1035 §2.3.4: 255 octets with length bytes and root, so 253 as text. */
const MAX_NAME = 253
/** Letters, digits, hyphen and underscore (service names, PTR targets in the wild), 63 octets a label. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** A name fit for a question; `undefined`: no such name can exist, so nothing needs to be asked. */
export function questionName(text: string): string | undefined {
  // domainToASCII strips line ends instead of refusing them.
  if (text.length > 1000 || /[\x00-\x20\x7f]/.test(text)) return undefined
  const bare = text.endsWith('.') ? text.slice(0, -1) : text
  const ascii = /^[\x00-\x7f]*$/.test(bare) ? bare.toLowerCase() : domainToASCII(bare)
  return isName(ascii) ? ascii : undefined
}

/** Not letters, digits, hyphens and underscores alone, though a zone may have it (RFC 2181 §11). */
export function isOdd(name: string): boolean {
  return !isName(name)
}

/**
 * A name that only a zone's author could have made up, as SPF's macros do of local parts (`user+tag`): any printable ASCII, in lower case.
 * `undefined`: a label is empty or too long, or there is one only.
 */
export function oddName(text: string): string | undefined {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text
  const fits = bare.length <= MAX_NAME && /^[\x20-\x7e]+$/.test(bare)
  const labels = fits ? bare.split('.') : []
  const right = labels.length > 1 && labels.every(({ length }) => length > 0 && length <= 63)
  return right ? bare.toLowerCase() : undefined
}

/** A host name from an answer; `undefined` when it is no name. `''` is the root (RFC 7505 null MX). */
export function answerName(text: string): string | undefined {
  const bare = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase()
  return bare === '' || isName(bare) ? bare : undefined
}

/** Where the names of an address stand (RFC 1035 §3.5, RFC 3596 §2.5). A mapped IPv4 address is the one it stands for. */
export function arpaName(address: string): string {
  const labels = reversedLabels(address) ?? ''
  return `${labels}.${labels.split('.').length === 4 ? 'in-addr' : 'ip6'}.arpa`
}

function isName(name: string): boolean {
  if (name === '' || name.length > MAX_NAME) return false
  return name.split('.').every(label => LABEL.test(label))
}
