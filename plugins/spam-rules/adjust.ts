/** What later files change of the rules of earlier ones: points, words, scope; and which they switch off. */
import type { YamlPath } from 'posthouse/api'
import { checkSays, checkScope, isGroup, scopeOf } from './read-rule.js'
import type { OpenFile, Reading } from './reading.js'
import type { Rule } from './rule.js'
import type { RawChange } from './schema.js'

/** Without those that are switched off: by name, or by 0 points. */
export function withChanges(
  reading: Reading,
  open: readonly OpenFile[],
  rules: ReadonlyMap<string, Rule>,
): readonly Rule[] {
  const changed = new Map(rules)
  const off = new Set<string>()
  for (const file of open) {
    const change = (path: YamlPath, name: string, raw: RawChange) => {
      const rule = changed.get(name)
      if (rule === undefined) reading.unknown(file, path, 'rule', name, rules.keys())
      else changed.set(name, changedBy(reading, file, path, rule, raw))
    }
    for (const [name, points] of Object.entries(file.value?.points ?? {})) change(['points', name], name, { points })
    for (const [name, raw] of Object.entries(file.value?.adjust ?? {})) change(['adjust', name], name, raw)
    for (const [index, name] of (file.value?.disable ?? []).entries()) {
      if (rules.has(name)) off.add(name)
      else reading.unknown(file, ['disable', index], 'rule', name, rules.keys())
    }
  }
  return [...changed.values()].filter(rule => !off.has(rule.name) && !isNothing(rule))
}

function changedBy(reading: Reading, file: OpenFile, path: YamlPath, rule: Rule, raw: RawChange): Rule {
  const { points, says, group, shadow } = raw
  if (points !== undefined && rule.effect.kind === 'discount')
    reading.wrong(file, path, `${rule.name} gives a discount and has no points`)
  if (says !== undefined) checkSays(reading, file, path, says)
  checkScope(reading, file, path, raw)
  if (group !== undefined) isGroup(reading, file, [...path, 'group'], group)
  return {
    ...rule,
    ...(points !== undefined && { effect: { kind: 'points', points } as const }),
    ...(says !== undefined && { says }),
    ...(group !== undefined && { group }),
    ...(shadow !== undefined && { shadow }),
    // Points of the admin's are the admin's: more than a shipped rule may have as well.
    ...(points !== undefined && !file.shipped && { shipped: false }),
    scope: { ...rule.scope, ...scopeOf(raw) },
  }
}

function isNothing({ effect }: Rule): boolean {
  return effect.kind === 'points' && effect.points === 0
}
