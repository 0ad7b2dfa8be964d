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

async function isAllowed(heard: Heard, site: LocalList): Promise<boolean> {
  if (heard.listing.kind !== 'listed' || heard.list.kind === 'allow') return false
  const entry = await site.find(questionOf(heard))
  return entry?.kind === 'allow'
}

/** What stands in a list tells what it is called by: both mail addresses and links may hold `@` and `/`. */
function questionOf({ list: { holds }, of, topics }: Pick<Heard, 'list' | 'of' | 'topics'>): ListQuestion {
  if (holds === 'urls') {
    const slash = of.indexOf('/')
    return { kind: 'link', host: of.slice(0, slash), path: of.slice(slash) }
  }
  if (holds === 'emails') {
    const at = of.lastIndexOf('@')
    return { kind: 'mailbox', local: of.slice(0, at), domain: of.slice(at + 1) }
  }
  if (topics.includes('links')) return { kind: 'link', host: of, path: '/' }
  return isIP(of) === 0 ? { kind: 'name', name: of } : { kind: 'address', address: of }
}
