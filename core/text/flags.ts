/**
 * Flags as mailboxes keep them (RFC 9051 §2.3.2): the five system flags in their own spelling, keywords as they were given first and
 * compared without case. `\Recent` and backslash flags nobody has defined are dropped: a store cannot hold what no client may set.
 */
export interface FlagChangeParts {
  readonly kind: 'add' | 'remove' | 'replace'
  readonly flags: readonly string[]
}

const SYSTEM = new Map(
  ['\\Answered', '\\Deleted', '\\Draft', '\\Flagged', '\\Seen'].map(flag => [flag.toLowerCase(), flag]),
)

/** Sorted, without doubles. */
export function normaliseFlags(flags: readonly string[]): readonly string[] {
  return flags.length === 0 ? flags : sorted(collect(new Map(), flags))
}

/** `before` must be normalised; the same array comes back when nothing changes. */
export function changeFlags(before: readonly string[], change: FlagChangeParts): readonly string[] {
  const held = new Map(before.map(flag => [flag.toLowerCase(), flag]))
  const after = sorted(
    change.kind === 'remove' ? without(held, change.flags) : collect(kept(held, change), change.flags),
  )
  return after.length === before.length && after.every((flag, at) => flag === before[at]) ? before : after
}

/** What stays when `change` adds or replaces: a keyword that is set again keeps its first spelling. */
function kept(held: Map<string, string>, change: FlagChangeParts): Map<string, string> {
  if (change.kind === 'add') return held
  const again = new Set(change.flags.map(flag => flag.toLowerCase()))
  return new Map([...held].filter(([key]) => again.has(key)))
}

function without(held: Map<string, string>, flags: readonly string[]): Map<string, string> {
  for (const flag of flags) held.delete(flag.toLowerCase())
  return held
}

function collect(held: Map<string, string>, flags: readonly string[]): Map<string, string> {
  for (const flag of flags) {
    const key = flag.toLowerCase()
    if (held.has(key) || flag === '') continue
    const name = flag.startsWith('\\') ? SYSTEM.get(key) : flag
    if (name !== undefined) held.set(key, name)
  }
  return held
}

function sorted(held: Map<string, string>): readonly string[] {
  return [...held.values()].sort()
}
