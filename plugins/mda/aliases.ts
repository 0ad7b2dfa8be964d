/**
 * The alias file: names that stand for other addresses. Reading checks every line with its place; looking up is a Map.
 *
 *     sales@example.org: [alice@example.org, bob]     a name of one domain; a bare target is of the same domain
 *     webmaster: alice                                  in every domain of ours
 *     '@example.org': carol                             whatever nobody else takes
 */
import type { Fault, Files, YamlFile } from 'posthouse/api'
import { type AddressParts, addressKey, closest, parseAddress, toAsciiDomain } from 'posthouse/text'

/** A target before it is known which domain it is asked for: bare names take the domain of the alias. */
type AliasTarget =
  | { readonly kind: 'bare'; readonly local: string }
  | { readonly kind: 'full'; readonly to: AddressParts }

export interface Aliases {
  /** What the address stands for; `undefined` when it is no alias. */
  lookUp(address: AddressParts): readonly AddressParts[] | undefined
  /** What `@domain` stands for. */
  catchAll(domain: string): readonly AddressParts[] | undefined
}

const SCHEMA = { type: 'object', description: 'alias: target, or a list of targets', additionalProperties: {} } as const
const MOST_TARGETS = 100

export async function readAliases(
  files: Files,
  name: string,
  domains: ReadonlySet<string>,
): Promise<{ readonly aliases: Aliases; readonly faults: readonly Fault[] }> {
  const file = await files.yaml(name, SCHEMA, { optional: true })
  const faults = [...file.faults]
  const table = new Map<string, readonly AliasTarget[]>()
  for (const [alias, value] of Object.entries(file.value ?? {})) {
    const key = readKey(alias, domains, file, faults)
    const targets = readTargets(alias, value, file, faults)
    if (key === undefined) continue
    if (table.has(key)) faults.push(file.fault([alias], `${key} stands here twice; upper and lower case are the same`))
    table.set(key, targets)
  }
  return { aliases: fromTable(table), faults }
}

export function fromTable(table: ReadonlyMap<string, readonly AliasTarget[]>): Aliases {
  const resolve = (targets: readonly AliasTarget[] | undefined, domain: string) =>
    targets?.map(target => (target.kind === 'full' ? target.to : { local: target.local, domain }))
  return {
    // A bare name has no `@`: the quoted local part of `"sales@a.test"@b.test` is not the alias `sales@a.test`.
    lookUp: address =>
      resolve(
        table.get(addressKey(address)) ??
          (address.local.includes('@') ? undefined : table.get(address.local.toLowerCase())),
        address.domain,
      ),
    catchAll: domain => resolve(table.get(catchAllKey(domain)), domain),
  }
}

/** `local@domain`, `local` or `@domain`, in lower case. */
function readKey(
  alias: string,
  domains: ReadonlySet<string>,
  file: YamlFile<unknown>,
  faults: Fault[],
): string | undefined {
  const catchAll = alias.startsWith('@')
  const address = alias.includes('@') ? parseAddress(catchAll ? `x${alias}` : alias) : bare(alias)
  if (address === undefined) {
    faults.push(file.fault([alias], `"${alias}" is not an alias: expected name@domain, a bare name, or @domain`))
    return undefined
  }
  if (alias.includes('@') && !domains.has(address.domain)) {
    const near = closest(address.domain, domains)
    const hint = near === undefined ? `ours are: ${[...domains].join(', ')}` : `did you mean ${near}?`
    faults.push(file.fault([alias], `${address.domain} is not among the domains of server.yaml; ${hint}`))
  }
  if (catchAll) return catchAllKey(address.domain)
  return address.domain === BARE ? address.local.toLowerCase() : addressKey(address)
}

function catchAllKey(domain: string): string {
  return `@${toAsciiDomain(domain) ?? domain}`
}

function readTargets(alias: string, value: unknown, file: YamlFile<unknown>, faults: Fault[]): readonly AliasTarget[] {
  const list = Array.isArray(value) ? value : [value]
  if (list.length === 0 || list.length > MOST_TARGETS) {
    faults.push(file.fault([alias], `expected between 1 and ${MOST_TARGETS} targets`))
  }
  return list.flatMap((item: unknown, index): AliasTarget[] => {
    const target = typeof item === 'string' ? readTarget(item) : undefined
    if (target !== undefined) return [target]
    const place = Array.isArray(value) ? [alias, index] : [alias]
    faults.push(file.fault(place, `expected an address or a name of the same domain, got ${JSON.stringify(item)}`))
    return []
  })
}

function readTarget(text: string): AliasTarget | undefined {
  if (!text.includes('@')) {
    const address = bare(text)
    return address && { kind: 'bare', local: address.local }
  }
  const to = parseAddress(text)
  return to && { kind: 'full', to }
}

// Only a domain to read a bare local part with.
const BARE = 'bare.invalid'

function bare(text: string): AddressParts | undefined {
  return parseAddress(`${text}@${BARE}`)
}
