/**
 * Do the Received fields tell one story? The newest is said by whoever gave us the mail, and each older one by somebody of whom even less is known: all are
 * claims. What is looked for are claims that contradict their neighbours. Pure.
 */
import type { ClientFacts, Hop } from 'posthouse/api'
import { formatDate, LOCAL_NETWORKS, NetworkSet, nameAndParents, printable } from 'posthouse/text'
import type { PointName } from './config.js'
import { providerOf } from './providers.js'

export type Evidence = readonly [name: PointName, says: string]

export interface House {
  readonly name: string
  readonly domains: ReadonlySet<string>
}

const MANY = 25
/** Clocks go wrong, and so do zones: what differs by less says nothing. */
const TOLERANCE_MS = 26 * 3_600_000
const FUTURE_MS = 26 * 3_600_000

const local = new NetworkSet(LOCAL_NETWORKS)

export function* chainEvidence(
  hops: readonly Hop[],
  client: ClientFacts | undefined,
  house: House,
  now: number,
): Generator<Evidence> {
  yield* ownForged(hops, client, house)
  yield* providerForged(hops, client)
  yield* clockEvidence(hops, now)
  if (hops.length > MANY)
    yield ['received_many', `It has gone through ${hops.length} hosts, as its Received fields say`]
}

/** We write our name into what passes here; the next one writes that it came from us. */
function* ownForged(hops: readonly Hop[], client: ClientFacts | undefined, house: House): Generator<Evidence> {
  const isOurs = (host: string | undefined) => host !== undefined && belongsTo(host, house)
  for (const [at, { by }] of hops.entries()) {
    if (!isOurs(by)) continue
    const next = nextOf(hops, at, client)
    if (next === undefined || isInside(next) || [next.by, next.helo, next.reverse].some(isOurs)) continue
    // A program that hands on what it was given says nothing of where from.
    if (isNameless(next) && next.address === undefined) continue
    const says = `Received says that ${shown(by)} of ours had it, but it came on from ${whereFrom(next)}`
    return yield ['received_own_forged', says]
  }
}

function* providerForged(hops: readonly Hop[], client: ClientFacts | undefined): Generator<Evidence> {
  for (const [at, { by }] of hops.entries()) {
    const family = by === undefined ? undefined : providerOf(by)
    if (family === undefined) continue
    const next = nextOf(hops, at, client)
    if (next === undefined || isInside(next) || isNameless(next)) continue
    if ([next.by, next.helo, next.reverse].some(host => host !== undefined && providerOf(host) === family)) continue
    const says = `Received says that ${shown(by)} of ${family} had it, but it came on from ${whereFrom(next)}`
    return yield ['received_provider_forged', says]
  }
}

/** What the next one says of where it had the mail from: a field above, or, for the first, what we know of the client. */
function nextOf(hops: readonly Hop[], at: number, client: ClientFacts | undefined): Hop | undefined {
  if (at > 0) return hops[at - 1]
  if (client === undefined) return undefined
  const { helo, address, reverse } = client
  switch (reverse.kind) {
    case 'confirmed':
      // Its true name is known: what it calls itself proves nothing.
      return { address, reverse: reverse.name }
    case 'none':
    case 'unconfirmed':
    case 'unknown':
      return { address, ...(helo !== undefined && { helo }) }
  }
}

/** Handed on within a house: by whatever name, or none. */
function isInside({ address }: Hop): boolean {
  return address !== undefined && local.has(address)
}

/** It does not say where from: a list that sends on, a mailbox that was fetched, hosts that know each other by addresses alone. */
function isNameless({ helo, reverse }: Hop): boolean {
  return ![helo, reverse].some(name => name !== undefined && /[^.]\.[a-z]/i.test(name))
}

function* clockEvidence(hops: readonly Hop[], now: number): Generator<Evidence> {
  const future = hops.find(({ at }) => at !== undefined && at > now + FUTURE_MS)
  if (future !== undefined)
    yield ['received_future', `Received of ${shown(future.by)} says ${formatDate(future.at!)}, which is still to come`]
  const impossible = hops.find(({ zone }) => zone !== undefined && !isZone(zone))
  if (impossible !== undefined)
    yield [
      'received_zone',
      `Received of ${shown(impossible.by)} has the time zone ${impossible.zone}, which is nowhere`,
    ]
  const dated = hops.filter(hop => hop.at !== undefined && hop !== future)
  const wrong = dated.findIndex((hop, at) => at > 0 && hop.at! > dated[at - 1]!.at! + TOLERANCE_MS)
  if (wrong < 0) return
  const [later, earlier] = [dated[wrong - 1]!, dated[wrong]!]
  const says = `${shown(later.by)} says it had the mail ${formatDate(later.at!)}, before ${shown(earlier.by)}, which passed it on, had it ${formatDate(earlier.at!)}`
  yield ['received_backwards', says]
}

/** From −1200 to +1400, in quarters of an hour. */
export function isZone(zone: string): boolean {
  const minutes = Number(zone.slice(3))
  const hours = Number(zone.slice(1, 3))
  return minutes < 60 && minutes % 15 === 0 && hours * 60 + minutes <= (zone.startsWith('-') ? 720 : 840)
}

export function belongsTo(host: string, { name, domains }: House): boolean {
  if (host === name.toLowerCase()) return true
  for (const one of nameAndParents(host)) if (domains.has(one)) return true
  return false
}

function whereFrom({ reverse, helo, address }: Hop): string {
  return shown(reverse ?? helo ?? address)
}

function shown(text: string | undefined): string {
  return text === undefined ? 'somewhere' : printable(text, 120)
}
