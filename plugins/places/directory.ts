/** Service `places`: by account, by address, by domain. Pure. */
import type { Account, PlaceFound, Places } from 'posthouse/api'
import { toAsciiDomain } from 'posthouse/text'
import { inWords, type Place } from './place.js'

/** An account names a place that is not there, or no longer: its mail waits until it is. */
const NOT_THERE = { target: 'mbox', says: 'no place of that name is set up, so mail waits' }

export function directoryOf(places: Iterable<Place>): Places {
  const byWho = new Map<string, PlaceFound>()
  const anyName = new Map<string, PlaceFound>()
  const byName = new Map<string, PlaceFound>()
  for (const place of places) {
    const found = { name: place.name, target: place.kind, says: inWords(place) }
    byName.set(place.name, found)
    for (const who of place.for) {
      byWho.set(who, found)
      if (place.anyName && who.startsWith('@')) anyName.set(who.slice(1), found)
    }
  }
  return {
    find(address, account) {
      const ofAddress = byWho.get(address)
      if (ofAddress !== undefined || account === undefined) return ofAddress
      const { place } = account
      if (place !== undefined) return byName.get(place) ?? { name: place, ...NOT_THERE }
      return ofAccount(byWho, address, account)
    },
    anyName: domain => anyName.get(toAsciiDomain(domain) ?? domain),
  }
}

/** What is said of one goes before what is said of all. */
function ofAccount(
  byWho: ReadonlyMap<string, PlaceFound>,
  address: string,
  { login }: Account,
): PlaceFound | undefined {
  return byWho.get(login.toLowerCase()) ?? byWho.get(address.slice(address.lastIndexOf('@')))
}
