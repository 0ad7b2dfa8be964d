/**
 * Whose mail is it? From the address RCPT named to accounts of ours and addresses elsewhere: aliases first, then accounts,
 * then without the +tag, then the roles every domain must answer for, then the catch-all.
 * Pure but for the account look-up. Bounded in depth and number; an alias that leads back to itself ends there.
 */
import type { Account } from 'posthouse/api'
import { type AddressParts, addressKey } from 'posthouse/text'
import type { Aliases } from './aliases.js'

export type Destination =
  | { readonly kind: 'account'; readonly account: Account; readonly to: AddressParts; readonly tag?: string }
  | { readonly kind: 'elsewhere'; readonly to: AddressParts }

/** Why a branch of an alias led nowhere; for the log. */
export interface Trouble {
  readonly kind: 'loop' | 'too-deep' | 'too-many' | 'unknown'
  readonly address: string
}

export interface Resolution {
  readonly destinations: readonly Destination[]
  readonly troubles: readonly Trouble[]
}

export interface ResolveParts {
  readonly domains: ReadonlySet<string>
  readonly aliases: Aliases
  byAddress(address: string): Promise<Account | undefined>
  /** Who answers for the roles when neither `postmaster` nor a catch-all does: the first account there is. */
  firstAccount(): Promise<Account | undefined>
  /** `+`, or empty for none. */
  readonly separator: string
  /** Takes mail for the roles nobody else takes. */
  readonly postmaster?: AddressParts
}

const MAX_DEPTH = 10
const MAX_DESTINATIONS = 100
/** Look-ups for one recipient; more means a hostile alias file. */
const MAX_VISITS = 1000
// RFC 5321 §4.5.1: postmaster is always answered for. RFC 2142 §4: so should abuse be.
const ROLES = new Set(['postmaster', 'abuse'])

interface Expansion extends ResolveParts {
  readonly destinations: Map<string, Destination>
  readonly troubles: Trouble[]
  readonly visited: Set<string>
}

/** An empty result without troubles: no such user. */
export async function resolve(address: AddressParts, parts: ResolveParts): Promise<Resolution> {
  const expansion: Expansion = { ...parts, destinations: new Map(), troubles: [], visited: new Set() }
  await visit(expansion, address, [])
  // A recipient that is no alias and nobody's is an answer, not a trouble.
  const troubles = expansion.troubles.filter(
    trouble => !(trouble.kind === 'unknown' && trouble.address === addressKey(address)),
  )
  return { destinations: [...expansion.destinations.values()], troubles }
}

/** Ids of the accounts of ours among them. */
export async function accountsOf(address: AddressParts, parts: ResolveParts): Promise<readonly string[]> {
  const { destinations } = await resolve(address, parts)
  return destinations.flatMap(one => (one.kind === 'account' ? [one.account.id] : []))
}

async function visit(expansion: Expansion, address: AddressParts, above: readonly string[]): Promise<void> {
  const key = addressKey(address)
  if (!expansion.domains.has(address.domain)) return add(expansion, key, { kind: 'elsewhere', to: address })
  // `bob: [bob, carol]` means bob's own mailbox as well.
  if (above.includes(key)) return own(expansion, address, 'loop')
  if (expansion.visited.has(key)) return
  expansion.visited.add(key)
  const targets = expansion.aliases.lookUp(address)
  if (targets === undefined) return own(expansion, address, 'unknown')
  if (above.length >= MAX_DEPTH) return trouble(expansion, 'too-deep', key)
  for (const target of targets) {
    if (expansion.visited.size > MAX_VISITS) return trouble(expansion, 'too-many', key)
    await visit(expansion, target, [...above, key])
  }
}

/** The account of an address that aliases have no more to say about. */
async function own(expansion: Expansion, address: AddressParts, otherwise: 'loop' | 'unknown'): Promise<void> {
  const key = addressKey(address)
  const account = await expansion.byAddress(key)
  if (account !== undefined) return add(expansion, `account ${account.id}`, { kind: 'account', account, to: address })
  if (otherwise === 'loop') return trouble(expansion, 'loop', key)
  if (await tagged(expansion, address)) return
  const others =
    ROLES.has(address.local.toLowerCase()) && expansion.postmaster
      ? [expansion.postmaster]
      : expansion.aliases.catchAll(address.domain)
  if (others === undefined) return lastResort(expansion, address)
  for (const target of others) await visitOther(expansion, target, key)
}

async function lastResort(expansion: Expansion, address: AddressParts): Promise<void> {
  const key = addressKey(address)
  const account = ROLES.has(address.local.toLowerCase()) ? await expansion.firstAccount() : undefined
  if (account === undefined) return trouble(expansion, 'unknown', key)
  add(expansion, `account ${account.id}`, { kind: 'account', account, to: address })
}

async function visitOther(expansion: Expansion, target: AddressParts, from: string): Promise<void> {
  const key = addressKey(target)
  if (key === from) return trouble(expansion, 'unknown', key)
  if (!expansion.visited.has(key)) await visit(expansion, target, [from])
}

/** `user+tag@` is `user@`, with the tag remembered. */
async function tagged(expansion: Expansion, address: AddressParts): Promise<boolean> {
  const at = expansion.separator === '' ? -1 : address.local.indexOf(expansion.separator)
  if (at < 1) return false
  const base = { local: address.local.slice(0, at), domain: address.domain }
  const tag = address.local.slice(at + expansion.separator.length)
  const key = addressKey(base)
  const above = [addressKey(address), key]
  // Aliases first, as without a tag: whoever has their mail forwarded wants that of `user+tag@` forwarded too.
  const targets = expansion.aliases.lookUp(base)
  for (const target of targets ?? []) {
    // `bob: [bob, carol]` means bob's own mailbox as well, with the tag.
    if (addressKey(target) === key) await tagOf(expansion, address, base, tag)
    else await visit(expansion, target, above)
  }
  return targets !== undefined || (await tagOf(expansion, address, base, tag))
}

async function tagOf(expansion: Expansion, address: AddressParts, base: AddressParts, tag: string): Promise<boolean> {
  const account = await expansion.byAddress(addressKey(base))
  if (account === undefined) return false
  add(expansion, `account ${account.id}`, { kind: 'account', account, to: address, ...(tag !== '' && { tag }) })
  return true
}

function add(expansion: Expansion, key: string, destination: Destination): void {
  if (expansion.destinations.has(key)) return
  if (expansion.destinations.size >= MAX_DESTINATIONS) trouble(expansion, 'too-many', key)
  else expansion.destinations.set(key, destination)
}

function trouble(expansion: Expansion, kind: Trouble['kind'], address: string): void {
  expansion.troubles.push({ kind, address })
}
