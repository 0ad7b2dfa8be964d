/** What tests on origin share: what a test is, and how a name is held against a list. */
import { nameAndParents } from 'posthouse/text'
import type { Facts } from '../facts.js'

/** From facts, and the list where it takes one, to what was found. Synchronous, and bounded by what `Facts` bounds. */
export type Ask = (facts: Facts, list: ReadonlySet<string>) => string | undefined

/** The domain or one above it is on the list. */
export function inList(domain: string, list: ReadonlySet<string>): string | undefined {
  for (const name of nameAndParents(domain)) if (list.has(name)) return name
  return undefined
}

/** The last label is on the list: `click`. */
export function under(domain: string, list: ReadonlySet<string>): string | undefined {
  const last = domain.slice(domain.lastIndexOf('.') + 1)
  return last !== domain && list.has(last) ? domain : undefined
}
