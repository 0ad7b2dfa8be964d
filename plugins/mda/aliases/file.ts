/**
 * The alias file: names that stand for other addresses. Reading checks every line with its place; looking up is a Map.
 *
 *     sales@example.org: [alice@example.org, bob]     a name of one domain; a bare target is of the same domain
 *     webmaster: alice                                  in every domain of ours
 *     'list-*@example.org': lists+$1                    every name that begins so
 *     '/(.+)[.-]old@example\.org/': $1                  every address that an expression matches, whole
 *     '@example.org': carol                             whatever nobody else takes
 */
import type { Fault, Files, YamlFile } from 'posthouse/api'
import { type AddressParts, addressKey, closest, parseAddress, toAsciiDomain } from 'posthouse/text'
import type { AliasSource, Found } from './found.js'
import { type AliasPattern, isPattern, readPattern } from './pattern.js'
import { type AliasTarget, addressFrom, bareLocal, placesIn, readTarget } from './target.js'

/** An alias as it stands in the file. */
export interface FileAlias {
  readonly name: string
  readonly targets: readonly AliasTarget[]
  /** `aliases.yaml:12` */
  readonly origin: string
  readonly pattern?: AliasPattern
}

const SCHEMA = { type: 'object', description: 'alias: target, or a list of targets', additionalProperties: {} } as const
export const MOST_TARGETS = 100

export async function readAliases(
  files: Files,
  name: string,
  domains: ReadonlySet<string>,
): Promise<{ readonly aliases: FileAliases; readonly faults: readonly Fault[] }> {
  const file = await files.yaml(name, SCHEMA, { optional: true, large: 'placed' })
  const faults = [...file.faults]
  const table = new Map<string, FileAlias>()
  const patterns: FileAlias[] = []
  for (const [alias, value] of Object.entries(file.value ?? {})) {
    const origin = `${name}:${file.at([alias]).line}`
    const targets = readTargets(alias, value, file, faults)
    if (isPattern(alias)) {
      const pattern = patternOf(alias, targets, domains, file, faults)
      if (pattern !== undefined) patterns.push({ name: alias, targets, origin, pattern })
      continue
    }
    const key = keyOf(alias, domains)
    if ('trouble' in key) {
      faults.push(file.fault([alias], key.trouble))
      continue
    }
    if (table.has(key.key))
      faults.push(file.fault([alias], `${key.key} stands here twice; upper and lower case are the same`))
    table.set(key.key, { name: alias, targets, origin })
  }
  return { aliases: new FileAliases(table, patterns), faults }
}

export class FileAliases implements AliasSource {
  readonly #table: ReadonlyMap<string, FileAlias>
  readonly #patterns: readonly FileAlias[]

  constructor(table: ReadonlyMap<string, FileAlias>, patterns: readonly FileAlias[]) {
    this.#table = table
    this.#patterns = patterns
  }

  get all(): readonly FileAlias[] {
    return [...this.#table.values(), ...this.#patterns]
  }

  has(key: string): FileAlias | undefined {
    return this.#table.get(key)
  }

  lookUp(keys: readonly string[], asked: AddressParts): Found | undefined {
    const alias = keys.map(key => this.#table.get(key)).find(one => one !== undefined)
    return alias && resolved(alias, asked)
  }

  /** The first that matches, in the order of the file. */
  match(asked: AddressParts): Found | undefined {
    for (const alias of this.#patterns) {
      const found = alias.pattern!.match(asked)
      if (found !== undefined) return resolved(alias, asked, found)
    }
    return undefined
  }
}

function resolved({ name, targets, origin }: FileAlias, asked: AddressParts, found?: readonly string[]): Found {
  const addresses = targets.map(target => addressFrom(target, asked, found)).filter(one => one !== undefined)
  return { name, targets: addresses, origin }
}

function patternOf(
  alias: string,
  targets: readonly AliasTarget[],
  domains: ReadonlySet<string>,
  file: YamlFile<unknown>,
  faults: Fault[],
): AliasPattern | undefined {
  const { pattern, domain, trouble } = readPattern(alias)
  const wrong = trouble ?? (domain === undefined ? undefined : notOurs(domain, domains))
  if (wrong !== undefined) faults.push(file.fault([alias], wrong))
  const most = Math.max(0, ...targets.map(placesIn))
  if (pattern !== undefined && most > pattern.groups)
    faults.push(file.fault([alias], `$${most} in a target, but ${alias} finds ${pattern.groups} things only`))
  return pattern
}

/** The keys an address is looked up by: itself, then its bare name. */
export function keysOf(address: AddressParts): readonly string[] {
  const key = addressKey(address)
  // A bare name has no `@`: the quoted local part of `"sales@a.test"@b.test` is not the alias `sales@a.test`.
  return address.local.includes('@') ? [key] : [key, address.local.toLowerCase()]
}

export function catchAllKey(domain: string): string {
  return `@${toAsciiDomain(domain) ?? domain}`
}

/** `local@domain`, `local` or `@domain`, in lower case; or what is wrong with it. */
export function keyOf(
  alias: string,
  domains: ReadonlySet<string>,
): { readonly key: string } | { readonly trouble: string } {
  const expected = { trouble: `"${alias}" is not an alias: expected name@domain, a bare name, or @domain` }
  if (!alias.includes('@')) {
    const local = bareLocal(alias)
    return local === undefined ? expected : { key: local.toLowerCase() }
  }
  const catchAll = alias.startsWith('@')
  const address = parseAddress(catchAll ? `x${alias}` : alias)
  if (address === undefined) return expected
  const trouble = notOurs(address.domain, domains)
  if (trouble !== undefined) return { trouble }
  return { key: catchAll ? catchAllKey(address.domain) : addressKey(address) }
}

function notOurs(domain: string, domains: ReadonlySet<string>): string | undefined {
  if (domains.has(domain)) return undefined
  const near = closest(domain, domains)
  const hint = near === undefined ? `ours are: ${[...domains].join(', ')}` : `did you mean ${near}?`
  return `${domain} is not among the domains of server.yaml; ${hint}`
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
