/**
 * Where a domain wants its reports to go (`rua`, RFC 7489 §6.2 and §6.4), and whether somebody else whom it names for that wants them (§7.1). Strangers
 * write both.
 */
import type { Resolver } from 'posthouse/api'
import { type AddressParts, formatAddress, organisationOf, readMailto, readTagList } from 'posthouse/text'

export interface Place {
  readonly to: AddressParts
  /** Octets of the whole mail; left out: as large as it comes. */
  readonly most?: number
}

export interface Places {
  readonly places: readonly Place[]
  /** Why others are not among them. */
  readonly refused: readonly string[]
}

/** §6.2 asks for two at least. */
const MAX_PLACES = 4
const MAX_NAME = 253
const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 2 ** 10],
  ['m', 2 ** 20],
  ['g', 2 ** 30],
  ['t', 2 ** 40],
])

/** In the order of the record; what we cannot do is left out. */
export function readPlaces(rua: string): readonly Place[] {
  return rua
    .split(',')
    .flatMap(text => readPlace(text.trim()) ?? [])
    .slice(0, MAX_PLACES)
}

function readPlace(text: string): Place | undefined {
  const [uri = '', limit, ...more] = text.split('!')
  const to = readMailto(uri)
  if (to === undefined || more.length > 0) return undefined
  if (limit === undefined) return { to }
  const [, digits, unit] = /^([0-9]{1,12})([kmgt]?)$/i.exec(limit) ?? []
  return digits === undefined ? undefined : { to, most: Number(digits) * UNITS.get(unit!.toLowerCase())! }
}

/** Throws when the name service has trouble. `domain`: whose policy it is. */
export async function agreedPlaces(
  domain: string,
  rua: string,
  dns: Pick<Resolver, 'txt'>,
  signal: AbortSignal,
): Promise<Places> {
  const found = await Promise.all(readPlaces(rua).map(place => agreed(domain, place, dns, signal)))
  const places = found.flatMap(one => (typeof one === 'string' ? [] : one))
  const refused = found.filter(one => typeof one === 'string')
  return { places: distinct(places).slice(0, MAX_PLACES), refused }
}

async function agreed(
  domain: string,
  place: Place,
  dns: Pick<Resolver, 'txt'>,
  signal: AbortSignal,
): Promise<readonly Place[] | string> {
  const host = place.to.domain.toLowerCase()
  if (organisationOf(host) === organisationOf(domain)) return [place]
  const name = `${domain}._report._dmarc.${host}`
  const records = name.length > MAX_NAME ? [] : (await dns.txt(name, signal)).filter(isAgreement)
  if (records.length === 0) return `${host} does not say that it takes reports for ${domain}`
  const [instead] = records.flatMap(text => readTagList(text)?.get('rua') ?? [])
  if (instead === undefined) return [place]
  const places = readPlaces(instead)
  // §7.1: whoever is named may choose another address of its own, and no other host.
  return places.length > 0 && places.every(({ to }) => to.domain.toLowerCase() === host)
    ? places
    : `${host} sends reports for ${domain} on to somebody else`
}

function isAgreement(text: string): boolean {
  return /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text)
}

function distinct(places: readonly Place[]): readonly Place[] {
  return [...new Map(places.map(place => [formatAddress(place.to).toLowerCase(), place] as const).reverse())]
    .reverse()
    .map(([, place]) => place)
}
