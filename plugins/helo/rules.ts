/**
 * The rules: which of them a greeting breaks. What can be said without the name service is said first; a name that is malformed, bare
 * or ours needs no look-up any more.
 */
import { isIP } from 'node:net'
import {
  type Breach,
  type Judgement,
  type Resolver,
  type ReverseName,
  type Session,
  troubleOf,
  within,
} from 'posthouse/api'
import { NetworkSet, printable } from 'posthouse/text'
import type { RuleName, Terms } from './config.js'
import { type Greeting, readGreeting } from './greeting.js'

const TEXTS: Readonly<Record<RuleName, string>> = {
  syntax: 'Your greeting is neither a host name nor an address literal',
  bare_name: 'Your greeting is not a full host name',
  other_address: 'Your greeting is the address of somebody else',
  own_name: 'Your greeting is my name, not yours',
  unknown_name: 'The host name of your greeting does not exist',
  mismatch: 'The host name of your greeting is not yours',
}

/** The rules that need no name service. Pure. */
export function judgeLocally(greeting: Greeting, session: Session, terms: Terms): readonly Breach[] {
  const { address } = session.remote
  const breach = (rule: RuleName, evidence: string) => breachOf(rule, evidence, address, terms)
  switch (greeting.kind) {
    case 'malformed':
      return breach('syntax', greeting.why)
    case 'literal': {
      if (same(greeting.address, address)) return []
      if (isOurs(greeting.address, session, terms)) return breach('own_name', `[${greeting.address}] is ours`)
      return breach('other_address', `[${greeting.address}] was said by ${address}`)
    }
    case 'name': {
      if (terms.ownNames.has(greeting.name)) return breach('own_name', `${greeting.name} is ours`)
      return greeting.name.includes('.') ? [] : breach('bare_name', `${greeting.name} has no dot`)
    }
  }
}

function isOurs(literal: string, { local, remote }: Session, terms: Terms): boolean {
  if (isIP(local.address) !== 0 && same(literal, local.address) && !same(local.address, remote.address)) return true
  return terms.ownAddresses.has(literal)
}

function same(one: string, other: string): boolean {
  return isIP(one) !== 0 && new NetworkSet([one]).has(other)
}

/** All rules. Never throws, unless there is a bug. */
export async function judge(
  text: string,
  session: Session,
  terms: Terms,
  dns: Resolver,
  outer: AbortSignal,
): Promise<Judgement> {
  const greeting = readGreeting(text)
  const found = judgeLocally(greeting, session, terms)
  if (greeting.kind !== 'name' || !greeting.name.includes('.') || terms.ownNames.has(greeting.name)) return found
  const { unknown_name, mismatch } = terms.rules
  if (unknown_name === 'off' && mismatch === 'off') return found
  // What changes under our hands (XCLIENT) was read before the first wait.
  const { address } = session.remote
  const ask = { name: greeting.name, address, reverse: () => session.reverse(), dns }
  try {
    return [...found, ...(await within(terms.withinMs, outer, signal => lookUp(ask, terms, signal)))]
  } catch (error) {
    return [...found, { kind: 'unknown', rule: nameOf('unknown_name'), why: troubleOf(error) }]
  }
}

interface Ask {
  readonly name: string
  readonly address: string
  readonly reverse: () => Promise<ReverseName>
  readonly dns: Resolver
}

async function lookUp(ask: Ask, terms: Terms, signal: AbortSignal): Promise<Judgement> {
  const { name, address, dns } = ask
  const answers = await Promise.allSettled([dns.a(name, signal), dns.aaaa(name, signal)])
  const addresses = answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []))
  const trouble = answers.find(answer => answer.status === 'rejected')
  if (addresses.length > 0) return judgeOwner(ask, terms, addresses, trouble)
  if (trouble !== undefined) throw trouble.reason
  if (terms.rules.unknown_name === 'off' || (await dns.mx(name, signal)).length > 0) return []
  return breachOf('unknown_name', `${name} has no A, AAAA or MX record`, address, terms)
}

/** RFC 5321 §4.1.4: whether the name belongs to the address, by either way. */
async function judgeOwner(
  { name, address, reverse }: Ask,
  terms: Terms,
  addresses: readonly string[],
  trouble: PromiseRejectedResult | undefined,
): Promise<Judgement> {
  if (terms.rules.mismatch === 'off' || addresses.some(one => same(one, address))) return []
  const found = await reverse()
  if (found.kind === 'confirmed' && found.name === name) return []
  if (trouble !== undefined) throw trouble.reason
  if (found.kind === 'unknown') return [{ kind: 'unknown', rule: nameOf('mismatch'), why: found.why }]
  const named = found.kind === 'confirmed' ? ` (${found.name})` : ''
  return breachOf('mismatch', `${name} does not lead to ${address}${named}`, address, terms)
}

function breachOf(rule: RuleName, evidence: string, address: string, terms: Terms): readonly Breach[] {
  const answer = terms.rules[rule]
  if (answer === 'off') return []
  return [
    {
      kind: 'breach',
      answer,
      points: terms.points[rule],
      text: TEXTS[rule],
      detail: '7.1',
      because: {
        rule: nameOf(rule),
        evidence: printable(evidence, 400),
        exception: `add ${address} to exempt of helo in plugins.yaml, or set rules: { ${rule}: off }`,
      },
    },
  ]
}

/** As logs and findings have it: `helo-bare-name`. */
function nameOf(rule: RuleName): string {
  return `helo-${rule.replaceAll('_', '-')}`
}
