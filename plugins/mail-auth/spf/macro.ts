/**
 * Macro strings of SPF (RFC 7208 §7): read once with the record, so that a wrong one is found whether it is used or not, and put together
 * for each mail. Pure. Everything is bounded by the length of a TXT record; what they become is not, so there is a bound here.
 */
import { reversedLabels } from 'posthouse/text'

/** What macros stand for. `domain` changes with include and redirect, the rest does not. */
export interface MacroFacts {
  readonly ip: string
  readonly family: 4 | 6
  readonly local: string
  /** Domain of the sender. */
  readonly origin: string
  readonly domain: string
  readonly helo: string
  /** Looked up only when a macro asks for it. */
  readonly validated?: string
  /** Of us, and the time in seconds: for explanations only. */
  readonly receiver?: string
  readonly now?: number
}

type Letter = 's' | 'l' | 'o' | 'd' | 'i' | 'p' | 'v' | 'h' | 'c' | 'r' | 't'

interface Macro {
  readonly letter: Letter
  /** Upper case: to be escaped as in URLs. */
  readonly escaped: boolean
  /** Parts that are kept, from the right. */
  readonly keep: number
  readonly reversed: boolean
  readonly delimiters: string
}

export type MacroString = readonly (string | Macro)[]

const MACRO = /^([slodipvhcrt])([0-9]{0,3})(r?)([-.+,/_=]*)$/i
const MAX_EXPANDED = 4096

/** `undefined`: not a macro string. The letters c, r and t are for explanations only (§7.2). */
export function readMacros(text: string, forExplanation = false): MacroString | undefined {
  const pieces: (string | Macro)[] = []
  let at = 0
  while (at < text.length) {
    const percent = text.indexOf('%', at)
    if (percent !== at) pieces.push(text.slice(at, percent < 0 ? undefined : percent))
    if (percent < 0) break
    const next = text[percent + 1]
    const plain = next === '%' ? '%' : next === '_' ? ' ' : next === '-' ? '%20' : undefined
    if (plain !== undefined) {
      pieces.push(plain)
      at = percent + 2
      continue
    }
    const end = next === '{' ? text.indexOf('}', percent) : -1
    const macro = end < 0 ? undefined : readMacro(text.slice(percent + 2, end), forExplanation)
    if (macro === undefined) return undefined
    pieces.push(macro)
    at = end + 1
  }
  return pieces
}

function readMacro(text: string, forExplanation: boolean): Macro | undefined {
  const found = MACRO.exec(text)
  if (found === null) return undefined
  const [, written = '', digits = '', reversed = '', delimiters = ''] = found
  const letter = written.toLowerCase() as Letter
  // §7.3: a number of parts is not zero.
  if (digits !== '' && Number(digits) === 0) return undefined
  if (!forExplanation && 'crt'.includes(letter)) return undefined
  return {
    letter,
    escaped: written !== letter,
    keep: digits === '' ? Number.MAX_SAFE_INTEGER : Number(digits),
    reversed: reversed !== '',
    delimiters: delimiters === '' ? '.' : delimiters,
  }
}

/** Whether one of these letters is in it. */
export function asksFor(macros: MacroString, letters: string): boolean {
  return macros.some(piece => typeof piece !== 'string' && letters.includes(piece.letter))
}

export function expand(macros: MacroString, facts: MacroFacts): string {
  let text = ''
  for (const piece of macros) {
    text += typeof piece === 'string' ? piece : expandOne(piece, facts)
    if (text.length > MAX_EXPANDED) return text.slice(-MAX_EXPANDED)
  }
  return text
}

/** A name to ask for: §7.3, at most 253 characters, shortened by whole labels from the left; a dot at the end says nothing. */
export function expandName(macros: MacroString, facts: MacroFacts): string {
  let name = expand(macros, facts).replace(/\.$/, '')
  while (name.length > 253) {
    const dot = name.indexOf('.')
    if (dot < 0) return name
    name = name.slice(dot + 1)
  }
  return name
}

function expandOne({ letter, escaped, keep, reversed, delimiters }: Macro, facts: MacroFacts): string {
  const parts = split(meaningOf(letter, facts), delimiters)
  if (reversed) parts.reverse()
  const value = parts.slice(-Math.min(keep, parts.length)).join('.')
  return escaped ? urlEscaped(value) : value
}

function split(value: string, delimiters: string): string[] {
  const parts = ['']
  for (const char of value) {
    if (delimiters.includes(char)) parts.push('')
    else parts[parts.length - 1] += char
  }
  return parts
}

function meaningOf(letter: Letter, facts: MacroFacts): string {
  switch (letter) {
    case 's':
      return `${facts.local}@${facts.origin}`
    case 'l':
      return facts.local
    case 'o':
      return facts.origin
    case 'd':
      return facts.domain
    case 'i':
      return facts.family === 4 ? facts.ip : nibbles(facts.ip)
    case 'p':
      return facts.validated ?? 'unknown'
    case 'v':
      return facts.family === 4 ? 'in-addr' : 'ip6'
    case 'h':
      return facts.helo
    case 'c':
      return facts.ip
    case 'r':
      return facts.receiver ?? 'unknown'
    case 't':
      return String(facts.now ?? 0)
  }
}

/** §7.3: IPv6 as nibbles with dots. */
function nibbles(ip: string): string {
  const labels = reversedLabels(ip) ?? ''
  return labels.split('.').reverse().join('.').toUpperCase()
}

/** §7.3: everything but the unreserved characters of RFC 3986. */
function urlEscaped(value: string): string {
  return Buffer.from(value).reduce((text, octet) => {
    const char = String.fromCharCode(octet)
    return text + (/[A-Za-z0-9._~-]/.test(char) ? char : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`)
  }, '')
}
