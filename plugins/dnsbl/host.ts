/** Names of hosts as lists hear of them, with whose they are. Reckoned once where a name is seen, as every list is asked about it. Pure. */
import { isIP } from 'node:net'
import { domainKey, normaliseDomain, organisationOf, toAsciiDomain } from 'posthouse/text'

export interface Host {
  /** In A-labels and lower case. */
  readonly name: string
  /** The registered domain it belongs to. */
  readonly organisation: string
}

/** As nearly all are written; whatever else may be a name is looked at more closely. */
const PLAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,10}[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/

/** `undefined` for what is no name of the public name space: an address, a single label, an ending that nobody can register. */
export function hostOf(text: string): Host | undefined {
  const name = text.length <= 100 && PLAIN.test(text) ? text : asciiName(text)
  if (name === undefined || !name.includes('.') || isIP(name) !== 0 || /\.[0-9]+$/.test(name)) return undefined
  return { name, organisation: organisationOf(name) }
}

function asciiName(text: string): string | undefined {
  const normal = normaliseDomain(text)
  return normal === undefined ? undefined : toAsciiDomain(normal)
}

/** Whether a name in A-labels is one of these domains or below one. */
export function domainTest(domains: Iterable<string>): (name: string) => boolean {
  const known = new Set([...domains].map(domain => domainKey(domain)))
  return name => {
    for (let rest = name; ; ) {
      if (known.has(rest)) return true
      const dot = rest.indexOf('.')
      if (dot < 0) return false
      rest = rest.slice(dot + 1)
    }
  }
}
