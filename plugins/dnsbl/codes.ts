/**
 * Return codes of lists: patterns of four octets, each a number, a range or any (`127.0.0.2`, `127.0.0.10-11`, `127.0.*.3`), and which
 * answers are no listing at all, whatever a list says. Pure.
 */
import { isIPv4 } from 'node:net'

type Octet = readonly [least: number, most: number]
export type CodePattern = readonly Octet[]

/** `undefined`: not a pattern of codes within 127.0.0.0/8. */
export function parseCode(text: string): CodePattern | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const octets = parts.map(octetOf)
  return octets.every(octet => octet !== undefined) && octets[0]![0] === 127 && octets[0]![1] === 127
    ? octets
    : undefined
}

function octetOf(text: string): Octet | undefined {
  if (text === '*') return [0, 255]
  const [, least, most = least] = /^([0-9]{1,3})(?:-([0-9]{1,3}))?$/.exec(text) ?? []
  if (least === undefined || Number(least) > Number(most) || Number(most) > 255) return undefined
  return [Number(least), Number(most)]
}

export function fits(code: string, pattern: CodePattern): boolean {
  const octets = code.split('.').map(Number)
  return pattern.every(([least, most], i) => octets[i]! >= least && octets[i]! <= most)
}

/**
 * RFC 5782 §2.3: listings are within 127.0.0.0/8; anything else comes from a parked domain, a captive resolver or worse. Lists that
 * refuse to answer say so in 127.255.255.0/24.
 */
export function isNoListing(code: string): boolean {
  return !isIPv4(code) || !code.startsWith('127.') || code.startsWith('127.255.255.')
}
