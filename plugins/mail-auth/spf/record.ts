/**
 * SPF records (RFC 7208 §4.5, §4.6.1, §12): which of a name's TXT records is one, and what it says. A record is right as a whole or not at
 * all: a wrong term makes it useless even when an earlier term would have matched. Pure.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { parseNetwork, printable } from 'posthouse/text'
import { type MacroString, readMacros } from './macro.js'

export type Qualifier = 'pass' | 'fail' | 'softfail' | 'neutral'

export interface Mechanism {
  readonly qualifier: Qualifier
  /** As written, for evidence. */
  readonly text: string
  readonly test: MechanismTest
}

export type MechanismTest =
  | { readonly kind: 'all' }
  | { readonly kind: 'ip4' | 'ip6'; readonly has: (ip: string) => boolean }
  | { readonly kind: 'include' | 'exists'; readonly name: MacroString }
  | { readonly kind: 'ptr'; readonly name?: MacroString }
  | { readonly kind: 'a' | 'mx'; readonly name?: MacroString; readonly bits4: number; readonly bits6: number }

export interface SpfRecord {
  readonly kind: 'record'
  readonly mechanisms: readonly Mechanism[]
  readonly redirect?: MacroString
  readonly exp?: MacroString
}

export type ReadSpf = SpfRecord | { readonly kind: 'broken'; readonly why: string }

const QUALIFIERS = new Map<string, Qualifier>([
  ['+', 'pass'],
  ['-', 'fail'],
  ['~', 'softfail'],
  ['?', 'neutral'],
])
const MECHANISM = /^([-+?~]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?=$|[:/])(.*)$/is
const MODIFIER = /^([a-z][a-z0-9._-]*)=(.*)$/is
const LENGTHS = /(?:\/(0|[1-9][0-9]?))?(?:\/\/(0|[1-9][0-9]{0,2}))?$/

/** RFC 7208 §4.5: the version, and nothing after it but a space. */
export function isSpfRecord(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(text)
}

export function readSpfRecord(text: string): ReadSpf {
  const mechanisms: Mechanism[] = []
  const modifiers = new Map<string, MacroString>()
  for (const term of text.slice('v=spf1'.length).split(' ')) {
    if (term === '') continue
    const shown = printable(term, 100)
    if (!/^[\x21-\x7e]+$/.test(term)) return broken(`"${shown}" has a character that no term may have`)
    const mechanism = readMechanism(term)
    if (mechanism !== undefined) {
      mechanisms.push(mechanism)
      continue
    }
    const [, name = '', value = ''] = MODIFIER.exec(term) ?? []
    const key = name.toLowerCase()
    const known = key === 'redirect' || key === 'exp'
    // §12: of an unknown modifier the value is a macro string all the same.
    const macros = name === '' ? undefined : known ? readDomainSpec(value) : readMacros(value)
    if (macros === undefined) return broken(`"${shown}" is no term of SPF`)
    // §6: redirect and exp stand there once at most.
    if (known && modifiers.has(key)) return broken(`it has ${key}= twice`)
    modifiers.set(key, macros)
  }
  const [redirect, exp] = [modifiers.get('redirect'), modifiers.get('exp')]
  return {
    ...{ kind: 'record', mechanisms },
    ...(redirect === undefined ? {} : { redirect }),
    ...(exp === undefined ? {} : { exp }),
  }
}

function broken(why: string): ReadSpf {
  return { kind: 'broken', why }
}

function readMechanism(term: string): Mechanism | undefined {
  const found = MECHANISM.exec(term)
  if (found === null) return undefined
  const [, sign = '', name = '', rest = ''] = found
  const test = readTest(name.toLowerCase() as MechanismTest['kind'], rest)
  return test && { qualifier: QUALIFIERS.get(sign) ?? 'pass', text: printable(term, 100), test }
}

function readTest(kind: MechanismTest['kind'], rest: string): MechanismTest | undefined {
  switch (kind) {
    case 'all':
      return rest === '' ? { kind } : undefined
    case 'ip4':
    case 'ip6': {
      const has = rest.startsWith(':') ? readAddresses(kind, rest.slice(1)) : undefined
      return has && { kind, has }
    }
    case 'include':
    case 'exists': {
      const name = rest.startsWith(':') ? readDomainSpec(rest.slice(1)) : undefined
      return name && { kind, name }
    }
    case 'ptr': {
      if (rest === '') return { kind }
      const name = rest.startsWith(':') ? readDomainSpec(rest.slice(1)) : undefined
      return name && { kind, name }
    }
    case 'a':
    case 'mx':
      return readHosts(kind, rest)
  }
}

function readAddresses(kind: 'ip4' | 'ip6', text: string): ((ip: string) => boolean) | undefined {
  const [, address = '', bits] = /^([^/]*)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? []
  const right = kind === 'ip4' ? isIPv4(address) : isIPv6(address) && !address.includes('%')
  const most = kind === 'ip4' ? 32 : 128
  const length = bits === undefined ? most : Number(bits)
  return right && length <= most ? parseNetwork(`${address}/${length}`) : undefined
}

function readHosts(kind: 'a' | 'mx', rest: string): MechanismTest | undefined {
  const lengths = LENGTHS.exec(rest)!
  const bits4 = Number(lengths[1] ?? 32)
  const bits6 = Number(lengths[2] ?? 128)
  if (bits4 > 32 || bits6 > 128) return undefined
  const written = rest.slice(0, lengths.index)
  if (written === '') return { kind, bits4, bits6 }
  const name = written.startsWith(':') ? readDomainSpec(written.slice(1)) : undefined
  return name && { kind, name, bits4, bits6 }
}

/** RFC 7208 §7.1: a macro string that ends in a macro or in a top label. */
function readDomainSpec(text: string): MacroString | undefined {
  if (text === '' || /(?:%[{][^}]*[}]|%%|%_|%-)$/.test(text.slice(-100)))
    return text === '' ? undefined : readMacros(text)
  const dotless = text.endsWith('.') ? text.slice(0, -1) : text
  const dot = dotless.lastIndexOf('.')
  const label = dotless.slice(dot + 1)
  const isTop = label.length <= 63 && /^[a-z0-9-]+$/i.test(label) && /[a-z-]/i.test(label) && !/^-|-$/.test(label)
  return dot >= 0 && isTop ? readMacros(text) : undefined
}
