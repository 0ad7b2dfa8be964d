/**
 * What the admin has allowed in the list of this site (service `local-list`) does not count, whatever others have written down of it. Only
 * what was found on a list is looked for there, which is little.
 */

import { isIP } from 'node:net'
import type { ListQuestion, LocalList } from 'posthouse/api'
import type { Heard } from './lookup.js'

export async function withoutAllowed(heard: readonly Heard[], site: LocalList | undefined): Promise<readonly Heard[]> {
  if (site === undefined) return heard
  const kept = await Promise.all(heard.map(async one => ((await isAllowed(one, site)) ? [] : [one])))
  return kept.flat()
}

async function isAllowed({ list, listing, of, topics }: Heard, site: LocalList): Promise<boolean> {
  if (listing.kind !== 'listed' || list.kind === 'allow') return false
  const entry = await site.find(questionOf(of, topics.includes('links')))
  return entry?.kind === 'allow'
}

/** By what it is called: an address, a name, a mail address, or host and path of a link. */
function questionOf(of: string, linked: boolean): ListQuestion {
  const at = of.lastIndexOf('@')
  const slash = of.indexOf('/')
  if (slash > 0) return { kind: 'link', host: of.slice(0, slash), path: of.slice(slash) }
  if (at > 0) return { kind: 'mailbox', local: of.slice(0, at), domain: of.slice(at + 1) }
  if (linked) return { kind: 'link', host: of, path: '/' }
  return isIP(of) === 0 ? { kind: 'name', name: of } : { kind: 'address', address: of }
}
