/** What a client names after ETRN (RFC 1985 §5, §5.3): a domain, or `@domain` with all below it. Pure. */
import { normaliseDomain, toAsciiDomain } from 'posthouse/text'

export interface Node {
  /** As we call it in replies and logs. */
  readonly text: string
  readonly domain: string
  readonly withSubdomains: boolean
}

/** `undefined`: not a node. `#name` is a queue, and we have none with names. */
export function readNode(argument: string): Node | 'queue' | undefined {
  if (/^#[!-~]+$/.test(argument)) return 'queue'
  const withSubdomains = argument.startsWith('@')
  const domain = asDomain(withSubdomains ? argument.slice(1) : argument)
  // RFC 1985 §5: a fully qualified name.
  return domain === undefined || !(withSubdomains || domain.includes('.'))
    ? undefined
    : { text: `${withSubdomains ? '@' : ''}${domain}`, domain, withSubdomains }
}

/** Lower case, A-labels. */
export function asDomain(text: string): string | undefined {
  const domain = normaliseDomain(text)
  return domain === undefined || domain.startsWith('[') ? undefined : toAsciiDomain(domain)
}
