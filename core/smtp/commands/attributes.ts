/**
 * `NAME=value …` of XCLIENT and XFORWARD (Postfix's XCLIENT_README and XFORWARD_README): values are xtext, `[UNAVAILABLE]` and
 * `[TEMPUNAVAIL]` stand for what is not known. Strict: an attribute that was not announced is refused.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { printable, ReadError, Reader } from '../../text/index.js'

const NAME = /[A-Za-z]{1,20}/y
/** RFC 3461 §4: xtext; 255 octets are all a host name needs. */
const VALUE = /(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2}){1,1000}/y
const SPACES = / +/y
const UNKNOWN: ReadonlySet<string> = new Set(['[UNAVAILABLE]', '[TEMPUNAVAIL]'])

/** By upper-case name; an attribute that is unavailable is `undefined`. At least one, none twice. */
export function readAttributes(argument: string, known: readonly string[]): ReadonlyMap<string, string | undefined> {
  const input = new Reader(argument)
  const attributes = new Map<string, string | undefined>()
  do {
    input.take(SPACES)
    const { column } = input
    const name = input.need(NAME, `one of ${known.join(', ')}`).toUpperCase()
    if (!known.includes(name) || attributes.has(name))
      throw new ReadError(column, `one of ${known.join(', ')}, each once`)
    input.need('=', '=')
    const value = input.need(VALUE, 'a value in xtext')
    attributes.set(name, UNKNOWN.has(value.toUpperCase()) ? undefined : decode(value))
    if (!input.atEnd && !input.peek(SPACES)) throw new ReadError(input.column, 'a space')
  } while (!input.atEnd)
  return attributes
}

/** `192.0.2.1` or `IPV6:2001:db8::1`; `undefined` when it is neither. */
export function readAddress(value: string): string | undefined {
  if (isIPv4(value)) return value
  const address = /^ipv6:(.*)$/i.exec(value)?.[1]
  return address !== undefined && isIPv6(address) && !address.includes('%') ? address.toLowerCase() : undefined
}

export function readPort(value: string): number | undefined {
  return /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : undefined
}

function decode(xtext: string): string {
  const octets = xtext.replace(/\+([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return printable(Buffer.from(octets, 'latin1').toString('utf8'), 255)
}
