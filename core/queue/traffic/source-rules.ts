/** How much goes out by each of our addresses: which rule is meant, and under which key it is counted. Pure. */
import type { Rates } from './rates.js'

export interface SourceRule {
  /** Addresses, `system` where the system chooses, or `*`; lower case. */
  readonly match: readonly string[]
  readonly rates: Rates
}

/** What is counted where nobody has chosen an address. */
export const SYSTEM = 'system'

export function sourceRuleFor(rules: readonly SourceRule[] = [], source = SYSTEM): SourceRule | undefined {
  const name = source.toLowerCase()
  return rules.find(({ match }) => match.includes('*') || match.includes(name))
}

export function sourceKey(source = SYSTEM): string {
  return `source/${source.toLowerCase()}`
}
