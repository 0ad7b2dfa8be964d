/**
 * Who signs a message: by the domain of its From, by the rules, and by whose word it came in on. What we merely pass on for others is
 * not signed, since a signature says "this is ours". Pure.
 */
import type { Submitter } from 'posthouse/api'
import { parseAddressList, toAsciiDomain } from 'posthouse/text'
import { OWN, type Rule, type Settings } from './settings.js'

export type Choice =
  | { readonly kind: 'unsigned'; readonly why: string }
  | { readonly kind: 'signed'; readonly domain: string; readonly selectors?: readonly string[] }

export interface ChooseParts {
  readonly settings: Pick<Settings, 'rules' | 'subdomains' | 'fallback'>
  readonly ring: { has(domain: string): boolean; above(domain: string): string | undefined }
}

export function choose(author: Author, submitter: Submitter | undefined, parts: ChooseParts): Choice {
  if (author.kind === 'unfit') return { kind: 'unsigned', why: author.why }
  const { settings } = parts
  const rule = settings.rules.find(({ from }) => from.some(pattern => fits(pattern, author.domain)))
  if (rule?.sign === false) return { kind: 'unsigned', why: 'a rule says so' }
  if (!(rule?.submitters ?? OWN).has(submitter ?? 'others'))
    return { kind: 'unsigned', why: submitter === undefined ? 'it is only passed on' : `it is ${submitter}` }
  const domain = signerOf(author.domain, rule, parts)
  if (domain === undefined)
    return { kind: 'unsigned', why: `there is no key for ${author.domain || 'a From without domain'}` }
  return { kind: 'signed', domain, ...(rule?.selectors === undefined ? {} : { selectors: rule.selectors }) }
}

function signerOf(author: string, rule: Rule | undefined, { settings, ring }: ChooseParts): string | undefined {
  if (rule?.domain !== undefined) return rule.domain
  const own = settings.subdomains ? ring.above(author) : ring.has(author) ? author : undefined
  // a rule that wants keys wants them of From's own domain
  return own ?? (rule?.selectors === undefined ? settings.fallback : author)
}

function fits(pattern: string, domain: string): boolean {
  if (pattern === '*') return true
  return pattern.startsWith('*.') ? domain.endsWith(pattern.slice(1)) : domain === pattern
}

export type Author =
  | { readonly kind: 'domain'; readonly domain: string }
  | { readonly kind: 'unfit'; readonly why: string }

/** Of the From fields as they stand in the message (octets as Latin-1): the domain of its first author, in A-labels. */
export function authorOf(from: readonly string[]): Author {
  // RFC 6376 §8.15: a message with two is read differently by everybody; we do not vouch for it.
  if (from.length !== 1) return { kind: 'unfit', why: `it has ${from.length} From fields` }
  const mailbox = parseAddressList(from[0]!)
    .flatMap(item => (item.kind === 'group' ? item.members : [item]))
    .find(({ domain }) => domain !== '')
  const domain = mailbox && toAsciiDomain(Buffer.from(mailbox.domain, 'latin1').toString())
  // A From without one is nobody's: only a rule for everybody, or the fallback, signs that.
  return { kind: 'domain', domain: domain ?? '' }
}
