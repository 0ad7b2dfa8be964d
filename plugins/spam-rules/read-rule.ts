/** Reads one rule: what its condition means is the matter of the kind of condition. */
import type { YamlPath } from 'posthouse/api'
import type { Condition, Raw } from './conditions/kind.js'
import { KINDS } from './conditions/table.js'
import { type OpenFile, placeOf, type Reading } from './reading.js'
import { type Effect, type Example, JUNK_LINE, type Rule } from './rule.js'
import type { RawChange, RawRule } from './schema.js'
import { type Scope, whoseOf } from './scope.js'

/** Nothing when there are faults, which have been noted. */
export function readRule(reading: Reading, file: OpenFile, path: YamlPath, raw: RawRule): Rule | undefined {
  const condition = readCondition(reading, file, path, raw)
  const effect = readEffect(reading, file, path, raw)
  checkSays(reading, file, path, raw.says)
  checkScope(reading, file, path, raw)
  const grouped = raw.group === undefined || isGroup(reading, file, [...path, 'group'], raw.group)
  if (condition === undefined || effect === undefined || !grouped) return undefined
  return {
    name: raw.name,
    effect,
    says: raw.says,
    condition,
    hits: examples(file, path, 'hits', raw.hits),
    misses: examples(file, path, 'misses', raw.misses),
    place: placeOf(file, [...path, 'name']),
    ...(raw.group !== undefined && { group: raw.group }),
    shadow: raw.shadow ?? false,
    scope: scopeOf(raw),
    shipped: file.shipped,
  }
}

export function scopeOf({ only, except }: RawChange): Scope {
  return {
    ...(only !== undefined && { only: whoseOf(only) }),
    ...(except !== undefined && { except: whoseOf(except) }),
  }
}

/** Mail of ours comes by this one, which server.yaml does not name. */
const INTERNAL = 'internal'

/** A slip in the name of a listener would be a rule for nobody. */
export function checkScope(reading: Reading, file: OpenFile, path: YamlPath, { only, except }: RawChange): void {
  if (reading.listeners === undefined) return
  const known = [...reading.listeners, INTERNAL]
  const small = new Set(known.map(name => name.toLowerCase()))
  for (const [key, whose] of [
    ['only', only],
    ['except', except],
  ] as const) {
    for (const [index, name] of (whose?.listeners ?? []).entries())
      if (!small.has(name.toLowerCase()))
        reading.unknown(file, [...path, key, 'listeners', index], 'listener', name, known)
  }
}

/** A slip such as `{fuond}` would stand in every report as it is. */
export function checkSays(reading: Reading, file: OpenFile, path: YamlPath, says: string): void {
  const odd = says.match(/\{\w*\}/g)?.find(name => name !== '{found}')
  if (odd !== undefined) reading.wrong(file, [...path, 'says'], `nothing is known as "${odd}", did you mean "{found}"?`)
}

export function isGroup(reading: Reading, file: OpenFile, path: YamlPath, name: string): boolean {
  if (reading.groups.has(name)) return true
  reading.unknown(file, path, 'group', name, reading.groups.keys())
  return false
}

function readEffect(reading: Reading, file: OpenFile, path: YamlPath, raw: RawRule): Effect | undefined {
  const { points, discount } = raw
  if (points !== undefined && discount !== undefined)
    return reading.wrong(file, [...path, 'discount'], 'a rule has points or gives a discount, not both')
  if (discount !== undefined) {
    const known = discount.groups.map((name, at) => isGroup(reading, file, [...path, 'discount', 'groups', at], name))
    return known.every(Boolean) ? { kind: 'discount', ...discount } : undefined
  }
  if (points === undefined) return reading.wrong(file, path, '"points" is missing: a number (or "discount")')
  // One rule is one opinion: a shipped one that is wrong must not put honest mail into Junk.
  if (file.shipped && points >= JUNK_LINE)
    return reading.wrong(
      file,
      [...path, 'points'],
      `a shipped rule stays below ${JUNK_LINE} points, where Junk begins; in local.yaml it may have more`,
    )
  return { kind: 'points', points }
}

function examples(
  file: OpenFile,
  path: YamlPath,
  key: 'hits' | 'misses',
  texts: readonly string[],
): readonly Example[] {
  return texts.map((text, index) => ({ text, place: placeOf(file, [...path, key, index]) }))
}

/** Which kinds a key may stand beside, for the sentence that says it stands wrong. */
const COMPANIONS: ReadonlySet<string> = new Set(KINDS.flatMap(({ companions }) => Object.keys(companions)))
const NAMES = KINDS.map(({ name }) => name).join(', ')

/** Deeper nobody thinks, and each one more costs a call within a call for every message. */
const MAX_DEPTH = 6

function readCondition(reading: Reading, file: OpenFile, path: YamlPath, raw: Raw, depth = 0): Condition | undefined {
  if (depth > MAX_DEPTH) return reading.wrong(file, path, `conditions may stand ${MAX_DEPTH} deep in each other`)
  const wrong = (at: YamlPath, message: string) => reading.wrong(file, [...path, ...at], message)
  const kinds = KINDS.filter(({ name }) => raw[name] !== undefined)
  const [kind, other] = kinds
  if (kind === undefined) return wrong([], `expected a condition: ${NAMES}`)
  if (other !== undefined) {
    const names = kinds.map(({ name }) => name).join(' or ')
    return wrong([other.name], `one condition only: ${names}; put several under "all:" or "any:"`)
  }
  const stray = Object.keys(raw).find(key => COMPANIONS.has(key) && !(key in kind.companions))
  if (stray !== undefined) return wrong([stray], `"${stray}" has no meaning for "${kind.name}"`)
  const inner = (at: YamlPath, one: Raw) => readCondition(reading, file, [...path, ...at], one, depth + 1)
  const reader = { lists: reading.lists, trusted: file.shipped, guard: reading.guard, wrong, inner }
  return reading.once(file, kind, raw, depth, () => kind.read(raw, reader))
}
