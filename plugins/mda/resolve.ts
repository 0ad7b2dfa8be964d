/**
 * Whose mail is it? From the address RCPT named to accounts of ours and addresses elsewhere: aliases first, then accounts, then without the
 * +tag, then aliases that stand for many names, then the roles every domain must answer for, then the catch-all.
 * Pure but for the look-ups. Bounded in depth and number; an alias that leads back to itself ends there.
 */
import type { Account, PlaceFound, Places } from 'posthouse/api'
import { type AddressParts, addressKey } from 'posthouse/text'
import type { Aliases, Found } from './aliases/index.js'

export type Destination =
  | { readonly kind: 'account'; readonly account: Account; readonly to: AddressParts; readonly tag?: string }
  | { readonly kind: 'elsewhere'; readonly to: AddressParts }
  /** Not into a mailbox of ours; `account`: whose mail it is, where it is somebody's. */
  | {
      readonly kind: 'place'
      readonly place: PlaceFound
      readonly to: AddressParts
      readonly account?: Account
      readonly tag?: string
    }

/** Why a branch of an alias led nowhere; for the log. */
export interface Trouble {
  readonly kind: 'loop' | 'too-deep' | 'too-many' | 'unknown'
  readonly address: string
}

export interface Resolution {
  readonly destinations: readonly Destination[]
  readonly troubles: readonly Trouble[]
}

/** What was found on the way, in order; for people who ask why. */
export interface Step {
  /** How many aliases lead here. */
  readonly depth: number
  readonly address: string
  readonly is:
    | 'alias'
    | 'pattern'
    | 'catch-all'
    | 'postmaster'
    | 'account'
    | 'first account'
    | 'elsewhere'
    | 'place'
    | Trouble['kind']
  /** Where it stands. */
  readonly alias?: Found
  readonly account?: Account
  /** In place of a mailbox. */
  readonly place?: PlaceFound
  readonly tag?: string
}

export interface ResolveParts {
  readonly domains: ReadonlySet<string>
  readonly aliases: Aliases
  byAddress(address: string): Promise<Account | undefined>
  /** Who answers for the roles when neither `postmaster` nor a catch-all does: the first account there is. */
  firstAccount(): Promise<Account | undefined>
  /** `+`, or empty for none. */
  readonly separator: string
  /** Left out, or none: all mail goes into mailboxes. */
  readonly places?: () => Places | undefined
  /** Takes mail for the roles nobody else takes. */
  readonly postmaster?: AddressParts
}

const MAX_DEPTH = 10
const MAX_DESTINATIONS = 1000
/** Addresses of ours that are looked up for one recipient; more means a hostile alias file. */
const MAX_VISITS = 2000
// RFC 5321 §4.5.1: postmaster is always answered for. RFC 2142 §4: so should abuse be.
const ROLES = new Set(['postmaster', 'abuse'])

/** The aliases that lead here, each with the names it has: `user+tag@` and `user@` are one. */
type Above = readonly (readonly string[])[]

interface Expansion {
  readonly parts: ResolveParts
  readonly destinations: Map<string, Destination>
  readonly troubles: Trouble[]
  readonly visited: Set<string>
  readonly note: ((step: Step) => void) | undefined
}

/** An empty result without troubles: no such user. `note` is told of every step. */
export async function resolve(
  address: AddressParts,
  parts: ResolveParts,
  note?: (step: Step) => void,
): Promise<Resolution> {
  const expansion: Expansion = { parts, destinations: new Map(), troubles: [], visited: new Set(), note }
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
  return destinations.flatMap(one => (one.kind !== 'elsewhere' && one.account !== undefined ? [one.account.id] : []))
}

async function visit(expansion: Expansion, address: AddressParts, above: Above): Promise<void> {
  const key = addressKey(address)
  const depth = above.length
  if (!expansion.parts.domains.has(address.domain)) {
    expansion.note?.({ depth, address: key, is: 'elsewhere' })
    return add(expansion, depth, key, { kind: 'elsewhere', to: address })
  }
  // `bob: [bob, carol]` means bob's own mailbox as well.
  if (above.some(keys => keys.includes(key))) return own(expansion, address, above, 'loop')
  if (expansion.visited.has(key)) return
  expansion.visited.add(key)
  const alias = await expansion.parts.aliases.lookUp(address)
  if (alias === undefined) return own(expansion, address, above, 'unknown')
  expansion.note?.({ depth, address: key, is: 'alias', alias })
  await follow(expansion, key, alias, above)
}

/** Everything an alias leads to. */
async function follow(expansion: Expansion, key: string, { targets }: Found, above: Above): Promise<void> {
  if (above.length >= MAX_DEPTH) return trouble(expansion, above.length, 'too-deep', key)
  for (const target of targets) {
    if (expansion.visited.size > MAX_VISITS) return trouble(expansion, above.length, 'too-many', key)
    await visit(expansion, target, [...above, [key]])
  }
}

/** The account of an address that aliases of its name have no more to say about. */
async function own(
  expansion: Expansion,
  address: AddressParts,
  above: Above,
  otherwise: 'loop' | 'unknown',
): Promise<void> {
  const key = addressKey(address)
  const account = await expansion.parts.byAddress(key)
  if (account !== undefined) return addAccount(expansion, above.length, account, address)
  const place = expansion.parts.places?.()?.find(key, undefined)
  if (place !== undefined) return addPlace(expansion, above.length, place, address)
  if (otherwise === 'loop') return trouble(expansion, above.length, 'loop', key)
  if (await tagged(expansion, address, above)) return
  const pattern = expansion.parts.aliases.match(address)
  if (pattern !== undefined) {
    expansion.note?.({ depth: above.length, address: key, is: 'pattern', alias: pattern })
    return follow(expansion, key, pattern, above)
  }
  return others(expansion, address, above)
}

/** The holder of a role, the catch-all, or for roles the first account there is. */
async function others(expansion: Expansion, address: AddressParts, above: Above): Promise<void> {
  const key = addressKey(address)
  const isRole = ROLES.has(address.local.toLowerCase())
  if (isRole && expansion.parts.postmaster !== undefined) {
    expansion.note?.({ depth: above.length, address: key, is: 'postmaster' })
    return visitOther(expansion, expansion.parts.postmaster, key, above)
  }
  const alias = await expansion.parts.aliases.catchAll(address.domain)
  if (alias !== undefined) {
    expansion.note?.({ depth: above.length, address: key, is: 'catch-all', alias })
    for (const target of alias.targets) await visitOther(expansion, target, key, above)
    return
  }
  const place = expansion.parts.places?.()?.anyName(address.domain)
  if (place !== undefined) return addPlace(expansion, above.length, place, address)
  const account = isRole ? await expansion.parts.firstAccount() : undefined
  if (account === undefined) return trouble(expansion, above.length, 'unknown', key)
  expansion.note?.({ depth: above.length, address: key, is: 'first account', account })
  add(expansion, above.length, `account ${account.id}`, { kind: 'account', account, to: address })
}

async function visitOther(expansion: Expansion, target: AddressParts, from: string, above: Above): Promise<void> {
  const key = addressKey(target)
  if (key === from) return trouble(expansion, above.length, 'unknown', key)
  if (!expansion.visited.has(key)) await visit(expansion, target, [...above, [from]])
}

/** `user+tag@` is `user@`, with the tag remembered. */
async function tagged(expansion: Expansion, address: AddressParts, from: Above): Promise<boolean> {
  const at = expansion.parts.separator === '' ? -1 : address.local.indexOf(expansion.parts.separator)
  if (at < 1) return false
  const base = { local: address.local.slice(0, at), domain: address.domain }
  const tag = address.local.slice(at + expansion.parts.separator.length)
  const key = addressKey(base)
  const above = [...from, [addressKey(address), key]]
  // Aliases first, as without a tag: whoever has their mail forwarded wants that of `user+tag@` forwarded too.
  const alias = await expansion.parts.aliases.lookUp(base)
  if (alias === undefined) return tagOf(expansion, address, base, tag, from.length)
  expansion.note?.({ depth: from.length, address: addressKey(address), is: 'alias', alias, tag })
  if (from.length >= MAX_DEPTH) {
    trouble(expansion, from.length, 'too-deep', key)
    return true
  }
  for (const target of alias.targets) {
    if (expansion.visited.size > MAX_VISITS) {
      trouble(expansion, from.length, 'too-many', key)
      return true
    }
    // `bob: [bob, carol]` means bob's own mailbox as well, with the tag.
    if (addressKey(target) !== key) await visit(expansion, target, above)
    else if (!(await tagOf(expansion, address, base, tag, from.length + 1)))
      trouble(expansion, from.length + 1, 'loop', key)
  }
  return true
}

async function tagOf(
  expansion: Expansion,
  address: AddressParts,
  base: AddressParts,
  tag: string,
  depth: number,
): Promise<boolean> {
  const key = addressKey(base)
  const account = await expansion.parts.byAddress(key)
  const place = account === undefined ? expansion.parts.places?.()?.find(key, undefined) : undefined
  const told = tag === '' ? undefined : tag
  if (place !== undefined) addPlace(expansion, depth, place, address, { tag: told })
  else if (account !== undefined) addAccount(expansion, depth, account, address, told)
  return account !== undefined || place !== undefined
}

function addAccount(expansion: Expansion, depth: number, account: Account, to: AddressParts, tag?: string): void {
  const place = expansion.parts.places?.()?.find(baseKey(expansion, to, account), account)
  if (place !== undefined) addPlace(expansion, depth, place, to, { account, tag })
  else {
    const tagged = tag === undefined ? {} : { tag }
    expansion.note?.({ depth, address: addressKey(to), is: 'account', account, ...tagged })
    add(expansion, depth, `account ${account.id}`, { kind: 'account', account, to, ...tagged })
  }
}

/** The address of the account that this one stands for: a place is named for that, and not for each tag. */
function baseKey({ parts: { separator } }: Expansion, { local, domain }: AddressParts, account: Account): string {
  const key = addressKey({ local, domain })
  const at = separator === '' ? -1 : local.indexOf(separator)
  return at < 1 || account.addresses.includes(key) ? key : addressKey({ local: local.slice(0, at), domain })
}

function addPlace(
  expansion: Expansion,
  depth: number,
  place: PlaceFound,
  to: AddressParts,
  { account, tag }: { readonly account?: Account | undefined; readonly tag?: string | undefined } = {},
): void {
  const whose = { ...(account !== undefined && { account }), ...(tag !== undefined && { tag }) }
  const is = account === undefined ? 'place' : 'account'
  expansion.note?.({ depth, address: addressKey(to), is, place, ...whose })
  const key = account === undefined ? `place ${place.name} ${addressKey(to)}` : `account ${account.id}`
  add(expansion, depth, key, { kind: 'place', place, to, ...whose })
}

function add(expansion: Expansion, depth: number, key: string, destination: Destination): void {
  if (expansion.destinations.has(key)) return
  if (expansion.destinations.size >= MAX_DESTINATIONS) trouble(expansion, depth, 'too-many', key)
  else expansion.destinations.set(key, destination)
}

function trouble(expansion: Expansion, depth: number, kind: Trouble['kind'], address: string): void {
  // One that is too many says it for all the others.
  if (kind === 'too-many' && expansion.troubles.some(one => one.kind === kind)) return
  expansion.troubles.push({ kind, address })
  expansion.note?.({ depth, address, is: kind })
}
