/** What tests on origin share: what a test is, and how a name is held against a list. */
import { plainName } from 'posthouse/text'
import type { Facts } from '../facts.js'

/** From facts, and the list where it takes one, to what was found. Synchronous, and bounded by what `Facts` bounds. */
export type Ask = (facts: Facts, list: ReadonlySet<string>) => string | undefined

/** The domain or one above it is on the list. */
export function inList(domain: string, list: ReadonlySet<string>): string | undefined {
  // As `nameAndParents` tells them, without stopping at each: it is asked of every link by a dozen rules.
  for (let name = plainName(domain), dot = 0; dot >= 0; name = name.slice(dot + 1)) {
    if (list.has(name)) return name
    dot = name.indexOf('.')
  }
  return undefined
}

/** The last label is on the list: `click`. */
export function under(domain: string, list: ReadonlySet<string>): string | undefined {
  const last = domain.slice(domain.lastIndexOf('.') + 1)
  return last !== domain && list.has(last) ? domain : undefined
}
