/**
 * Whose a domain name is, by the Public Suffix List with its private part: `user.github.io` is not its neighbour. The list is that of the
 * release of tldts in package.json. Names come in however they are written and go out in lower case and A-labels.
 */
import { parse } from 'tldts'
import { domainKey } from './domain.js'

const OPTIONS = { allowPrivateDomains: true, extractHostname: false, validateHostname: false } as const
const LONGEST = 255
/** The same few thousand names come in most mail. */
const REMEMBERED = 5000
const LONGEST_REMEMBERED = 64

const known = new Map<string, string>()

/** `mail.shop.example.co.uk` → `example.co.uk`: the public suffix and one label more. A suffix, an address, or what is no name is its own. */
export function organisationOf(name: string): string {
  const there = known.get(name)
  if (there !== undefined) return there
  const written = plainName(name)
  const whose = isLiteral(written) ? written : (parse(written, OPTIONS).domain ?? written)
  if (name.length <= LONGEST_REMEMBERED) {
    if (known.size >= REMEMBERED) known.clear()
    known.set(ownCopy(name), ownCopy(whose))
  }
  return whose
}

/** `co.uk`, `github.io`; of an ending that nobody has listed, its last label; of an address: none. */
export function publicSuffixOf(name: string): string | undefined {
  const written = plainName(name)
  return isLiteral(written) ? undefined : (parse(written, OPTIONS).publicSuffix ?? undefined)
}

/** Whether its ending is one that the world's name service has, as far as the list knows. */
export function hasListedSuffix(name: string): boolean {
  const { isIcann, isPrivate } = parse(plainName(name), OPTIONS)
  return isIcann === true || isPrivate === true
}

/** Whether it is below a suffix that a company keeps for its customers (`github.io`): names there are drawn by the company as often as chosen. */
export function isHosted(name: string): boolean {
  return parse(plainName(name), OPTIONS).isPrivate === true
}

/** The name itself and those above it, the longest first: what a list of domains is asked for. */
export function* nameAndParents(name: string): Generator<string> {
  for (let rest = plainName(name); ; ) {
    yield rest
    const dot = rest.indexOf('.')
    if (dot < 0) return
    rest = rest.slice(dot + 1)
  }
}

/** A piece of a text keeps all of the text in memory, in V8. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le')
}

/** RFC 5321 §4.1.3: an address in place of a name. */
function isLiteral(name: string): boolean {
  return name.startsWith('[')
}

/** In ASCII, without a dot at its end. */
export function plainName(name: string): string {
  const cut = name.slice(0, LONGEST + 1)
  const dotless = cut.endsWith('.') ? cut.slice(0, -1) : cut
  return domainKey(dotless)
}
