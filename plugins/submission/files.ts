/**
 * The two files that say who may send as what: send-as.yaml, which is ours, and the alias file, which is the mda's. Faults of the latter are
 * told by the mda; here what cannot be read leads nowhere.
 */
import type { Fault, Files, YamlFile } from 'posthouse/api'
import { type AddressParts, addressKey, parseAddress, toAsciiDomain } from 'posthouse/text'
import type { AliasTargets, SendAs } from './ownership.js'

const SEND_AS = {
  type: 'object',
  description: 'login: any, or a list of addresses and domains (@example.org)',
  additionalProperties: {},
} as const

const ALIASES = { type: 'object', additionalProperties: {} } as const

export async function readSendAs(
  files: Files,
  name: string,
): Promise<{ readonly sendAs: ReadonlyMap<string, SendAs>; readonly faults: readonly Fault[] }> {
  const file = await files.yaml(name, SEND_AS, { optional: true, large: true })
  const faults = [...file.faults]
  const sendAs = new Map<string, SendAs>()
  for (const [login, value] of Object.entries(file.value ?? {})) {
    if (sendAs.has(login.toLowerCase())) faults.push(file.fault([login], `${login} stands here twice`))
    sendAs.set(login.toLowerCase(), value === 'any' ? 'any' : readPatterns(login, value, file, faults))
  }
  return { sendAs, faults }
}

function readPatterns(login: string, value: unknown, file: YamlFile<unknown>, faults: Fault[]): ReadonlySet<string> {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const patterns = new Set<string>()
  for (const [index, item] of list.entries()) {
    const pattern = typeof item === 'string' ? readPattern(item) : undefined
    if (pattern !== undefined) patterns.add(pattern)
    else faults.push(file.fault(Array.isArray(value) ? [login, index] : [login], wish(item)))
  }
  return patterns
}

function wish(item: unknown): string {
  const bare = typeof item === 'string' && /^[^\s@*]+\.[^\s@*]+$/.test(item) ? `; did you mean '@${item}'?` : ''
  return `${JSON.stringify(item)}: expected any, user@example.org or '@example.org'${bare}`
}

function readPattern(text: string): string | undefined {
  const whole = text.startsWith('@')
  const address = parseAddress(whole ? `x${text}` : text)
  if (address === undefined) return undefined
  const key = addressKey(address)
  return whole ? key.slice(1) : key
}

export async function readAliasTargets(
  files: Files,
  name: string,
  domains: ReadonlySet<string>,
): Promise<AliasTargets> {
  const file = name === '' ? undefined : await files.yaml(name, ALIASES, { optional: true, large: true })
  const table = new Map<string, readonly string[]>()
  for (const [alias, value] of Object.entries(file?.value ?? {})) {
    const targets = (Array.isArray(value) ? value : [value]).filter(one => typeof one === 'string')
    const full = parseAddress(alias)
    // A catch-all makes nobody the owner of a domain.
    if (!alias.startsWith('@')) table.set(full === undefined ? alias.toLowerCase() : addressKey(full), targets)
  }
  return address => {
    if (!domains.has(address.domain)) return undefined
    const bare = address.local.includes('@') ? undefined : table.get(address.local.toLowerCase())
    return (table.get(addressKey(address)) ?? bare)?.flatMap(target => readTarget(target, address.domain))
  }
}

/** A bare target is of the same domain. */
function readTarget(target: string, domain: string): readonly AddressParts[] {
  const address = parseAddress(target.includes('@') ? target : `${target}@${toAsciiDomain(domain) ?? domain}`)
  return address === undefined ? [] : [address]
}
