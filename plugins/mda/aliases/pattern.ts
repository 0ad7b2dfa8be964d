/**
 * Aliases that stand for many addresses: `sales-*@example.org` (a `*` is anything but nothing), and `/expression/`, which has to match the whole
 * address in lower case. Both hand what they find to the target as `$1`, `$2`, …
 */
import { type AddressParts, addressKey, parseAddress, refusePattern } from 'posthouse/text'

export interface AliasPattern {
  /** As the admin wrote it. */
  readonly written: string
  /** How many things it finds. */
  readonly groups: number
  /** What it has found in the address; `undefined`: it is none of those. */
  match(address: AddressParts): readonly string[] | undefined
}

/** The domain of a wildcard, where it names one. */
export interface ReadPattern {
  readonly pattern?: AliasPattern
  readonly domain?: string
  /** What is wrong with it, as a sentence. */
  readonly trouble?: string
}

const MAX_STARS = 5

export function isPattern(alias: string): boolean {
  return alias.includes('*') || isExpression(alias)
}

export function readPattern(alias: string): ReadPattern {
  return isExpression(alias) ? readExpression(alias) : readWildcard(alias)
}

/** RFC 5322 §3.2.3: an atom may begin with a slash, too; but an address does not end with one. */
function isExpression(alias: string): boolean {
  return /^\/.*\/$/s.test(alias)
}

function readWildcard(alias: string): ReadPattern {
  const at = alias.lastIndexOf('@')
  const [local, domain] = at < 0 ? [alias, undefined] : [alias.slice(0, at), alias.slice(at + 1)]
  const stars = local.split('*').length - 1
  if (domain?.includes('*')) return { trouble: 'a * stands for part of a name, never of a domain' }
  if (stars > MAX_STARS) return { trouble: `at most ${MAX_STARS} times * in one alias` }
  const named = parseAddress(`${local.replaceAll('*', 'x')}@${domain ?? 'bare.invalid'}`)
  if (named === undefined)
    return { trouble: `"${alias}" is not an alias: expected name@domain or a bare name, with * in the name` }
  const pieces = local.toLowerCase().split('*')
  const key = domain === undefined ? undefined : addressKey({ local: 'x', domain: named.domain }).slice(2)
  return {
    ...(domain !== undefined && { domain: named.domain }),
    pattern: {
      written: alias,
      groups: stars,
      match(address) {
        const [name, asked] = partsOf(address)
        return key === undefined || key === asked ? between(pieces, name) : undefined
      },
    },
  }
}

function readExpression(alias: string): ReadPattern {
  const source = `^(?:${alias.slice(1, -1)})$`
  const trouble = refusePattern(source, 'address')
  if (trouble !== undefined) return { trouble }
  const expression = new RegExp(source, 'su')
  const groups = new RegExp(`${source}|`, 'su').exec('')!.length - 1
  return {
    pattern: { written: alias, groups, match: address => found(expression, partsOf(address).join('@')) },
  }
}

function partsOf(address: AddressParts): readonly [local: string, domain: string] {
  const key = addressKey(address)
  const at = key.lastIndexOf('@')
  return [key.slice(0, at), key.slice(at + 1)]
}

/**
 * What stands between the pieces, each as early as it can; the last is at the end. In one go: as an expression, five times `.+?` would take a second
 * on a name made for it.
 */
function between(pieces: readonly string[], name: string): readonly string[] | undefined {
  const [first = '', ...others] = pieces
  if (!name.startsWith(first)) return undefined
  const found: string[] = []
  let at = first.length
  for (const [index, piece] of others.entries()) {
    const isLast = index === others.length - 1
    const next = isLast ? name.length - piece.length : name.indexOf(piece, at + 1)
    if (next <= at || !name.startsWith(piece, next)) return undefined
    found.push(name.slice(at, next))
    at = next + piece.length
  }
  return found
}

function found(expression: RegExp, text: string): readonly string[] | undefined {
  return expression
    .exec(text)
    ?.slice(1)
    .map(group => group ?? '')
}
