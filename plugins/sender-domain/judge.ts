/**
 * Whether a bounce could ever reach the domain of a sender. "No" is only what the name service says for sure; trouble on the way to
 * a host that might be there is not known.
 */
import { isIP } from 'node:net'
import { type Breach, type Judgement, type Resolver, troubleOf, within } from 'posthouse/api'
import { printable, toAsciiDomain } from 'posthouse/text'
import type { RuleName, Terms } from './config.js'

/** Mail hosts of one domain that are looked at, best first. */
const MAX_HOSTS = 5

const TEXTS: Readonly<Record<RuleName, string>> = {
  missing: 'The domain of the sender address does not exist or has no mail host',
  null_mx: 'The domain of the sender address takes no mail, so nothing could be returned to it',
  unroutable: 'The mail hosts of the sender address cannot be reached from here',
}
// RFC 3463 §3.2: bad sender's system address. RFC 7505 §4.1: sender address has null MX.
const DETAILS: Readonly<Record<RuleName, string>> = { missing: '1.8', null_mx: '7.27', unroutable: '1.8' }

/** Never throws, unless there is a bug. `domain` as in the envelope. */
export async function judge(domain: string, terms: Terms, dns: Resolver, outer: AbortSignal): Promise<Judgement> {
  const literal = literalAddress(domain)
  if (literal !== undefined)
    return terms.unroutable.has(literal)
      ? breach('unroutable', domain, `${domain} is not an address of the world`, terms)
      : []
  const name = toAsciiDomain(domain)
  if (name === undefined) return breach('missing', domain, `${domain} is no domain name`, terms)
  try {
    return await within(terms.withinMs, outer, signal => lookUp(name, terms, dns, signal))
  } catch (error) {
    return [{ kind: 'unknown', rule: nameOf('missing'), why: troubleOf(error) }]
  }
}

function literalAddress(domain: string): string | undefined {
  const inside = /^\[(?:ipv6:)?(.*)\]$/i.exec(domain)?.[1]
  return inside !== undefined && isIP(inside) !== 0 ? inside : undefined
}

async function lookUp(name: string, terms: Terms, dns: Resolver, signal: AbortSignal): Promise<Judgement> {
  const exchanges = await dns.mx(name, signal)
  // RFC 7505 §3: one MX, and its host is the root.
  if (exchanges.length > 0 && exchanges.every(({ exchange }) => exchange === ''))
    return breach('null_mx', name, `${name} has a null MX`, terms)
  const hosts = exchanges.filter(({ exchange }) => exchange !== '')
  // RFC 5321 §5.1: without MX, the domain is its own mail host.
  if (hosts.length === 0) return judgeHosts(name, [name], false, terms, dns, signal)
  const best = [...hosts].sort((a, b) => a.preference - b.preference).map(({ exchange }) => exchange)
  return judgeHosts(name, best, true, terms, dns, signal)
}

async function judgeHosts(
  name: string,
  hosts: readonly string[],
  byMx: boolean,
  terms: Terms,
  dns: Resolver,
  signal: AbortSignal,
): Promise<Judgement> {
  if (byMx && terms.rules.unroutable === 'off') return []
  const questions = hosts.slice(0, MAX_HOSTS).flatMap(host => [dns.a(host, signal), dns.aaaa(host, signal)])
  const answers = await Promise.allSettled(questions)
  const addresses = answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []))
  if (addresses.some(address => !terms.unroutable.has(address))) return []
  const trouble = answers.find(answer => answer.status === 'rejected')
  if (trouble !== undefined) throw trouble.reason
  if (hosts.length > MAX_HOSTS)
    return [{ kind: 'unknown', rule: nameOf('unroutable'), why: `${name} has ${hosts.length} mail hosts` }]
  if (addresses.length > 0) return breach('unroutable', name, `${name} leads only to ${addresses.join(', ')}`, terms)
  return byMx
    ? breach('unroutable', name, `no mail host of ${name} has an address: ${hosts.join(', ')}`, terms)
    : breach('missing', name, `${name} has no MX, A or AAAA record`, terms)
}

function breach(rule: RuleName, name: string, evidence: string, terms: Terms): readonly Breach[] {
  const answer = terms.rules[rule]
  if (answer === 'off') return []
  return [
    {
      kind: 'breach',
      answer,
      points: terms.points[rule],
      text: TEXTS[rule],
      detail: DETAILS[rule],
      because: {
        rule: nameOf(rule),
        evidence: printable(evidence, 400),
        exception: `add ${name} to except of sender-domain in plugins.yaml`,
      },
    },
  ]
}

/** As logs and findings have it: `sender-domain-null-mx`. */
function nameOf(rule: RuleName): string {
  return `sender-domain-${rule.replaceAll('_', '-')}`
}
