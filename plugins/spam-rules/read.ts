/**
 * Reads rule files into rules, collecting every fault with its place. Lists and points of later files (the admin's) add to and
 * override those of earlier ones; a rule name may stand once in all of them.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Fault, Files, YamlFile, YamlPath } from 'posthouse/api'
import { closest, namesInList } from 'posthouse/text'
import type { Condition, Raw } from './conditions/kind.js'
import { KINDS } from './conditions/table.js'
import type { Example, Position, Rule } from './rule.js'
import { type RawFile, type RawRule, RULE_FILE } from './schema.js'

export interface RuleFiles {
  readonly rules: readonly Rule[]
  readonly faults: readonly Fault[]
}

interface Reading {
  readonly lists: Map<string, Set<string>>
  readonly faults: Fault[]
}

type OpenFile = YamlFile<RawFile>

/** `paths` in order; the last may be missing when `optionalLast`. */
export async function readRules(
  files: Files,
  paths: readonly string[],
  optional: ReadonlySet<string>,
): Promise<RuleFiles> {
  const open: OpenFile[] = []
  for (const path of paths) open.push((await files.yaml(path, RULE_FILE, { optional: optional.has(path) })) as OpenFile)
  const faults = open.flatMap(file => [...file.faults])
  const reading: Reading = { lists: await gatherLists(open, faults), faults }
  const rules = new Map<string, Rule>()
  for (const file of open) {
    for (const [index, raw] of (file.value?.rules ?? []).entries()) {
      const rule = readRule(reading, file, ['rules', index], raw)
      if (rule === undefined) continue
      const there = rules.get(rule.name)
      if (there === undefined) rules.set(rule.name, rule)
      else
        reading.faults.push(
          file.fault(
            ['rules', index, 'name'],
            `${rule.name} stands already at ${there.place.file}:${there.place.line}`,
          ),
        )
    }
  }
  return { rules: withPoints(reading, open, rules), faults: reading.faults }
}

async function gatherLists(open: readonly OpenFile[], faults: Fault[]): Promise<Map<string, Set<string>>> {
  const lists = new Map<string, Set<string>>()
  for (const file of open) {
    for (const [name, entries] of Object.entries(file.value?.lists ?? {})) {
      const list = lists.get(name) ?? new Set()
      for (const entry of 'file' in entries ? await namesOf(file, name, entries.file, faults) : entries)
        list.add(entry.toLowerCase())
      lists.set(name, list)
    }
  }
  return lists
}

/** Others read the same text files. */
async function namesOf(file: OpenFile, list: string, path: string, faults: Fault[]): Promise<Iterable<string>> {
  try {
    return namesInList(await readFile(resolve(dirname(file.path), path), 'utf8'))
  } catch (error) {
    faults.push(
      file.fault(
        ['lists', list, 'file'],
        `${path} cannot be read: ${error instanceof Error && 'code' in error ? error.code : error}`,
      ),
    )
    return []
  }
}

/** 0 points switch a rule off. */
function withPoints(reading: Reading, open: readonly OpenFile[], rules: ReadonlyMap<string, Rule>): readonly Rule[] {
  const changed = new Map(rules)
  for (const file of open) {
    for (const [name, points] of Object.entries(file.value?.points ?? {})) {
      const rule = changed.get(name)
      if (rule !== undefined) changed.set(name, { ...rule, points })
      else {
        const near = closest(name, rules.keys())
        const hint = near === undefined ? '' : `, did you mean "${near}"?`
        reading.faults.push(file.fault(['points', name], `there is no rule "${name}"${hint}`))
      }
    }
  }
  return [...changed.values()].filter(rule => rule.points !== 0)
}

function readRule(reading: Reading, file: OpenFile, path: YamlPath, raw: RawRule): Rule | undefined {
  const condition = readCondition(reading, file, path, raw)
  if (condition === undefined) return undefined
  return {
    name: raw.name,
    points: raw.points,
    says: raw.says,
    condition,
    hits: examples(file, path, 'hits', raw.hits),
    misses: examples(file, path, 'misses', raw.misses),
    place: placeOf(file, [...path, 'name']),
  }
}

function examples(
  file: OpenFile,
  path: YamlPath,
  key: 'hits' | 'misses',
  texts: readonly string[],
): readonly Example[] {
  return texts.map((text, index) => ({ text, place: placeOf(file, [...path, key, index]) }))
}

function placeOf(file: OpenFile, path: YamlPath): Position {
  return { file: file.fault([], '').file, ...file.at(path) }
}

/** Which kinds a key may stand beside, for the sentence that says it stands wrong. */
const COMPANIONS: ReadonlySet<string> = new Set(KINDS.flatMap(({ companions }) => Object.keys(companions)))
const NAMES = KINDS.map(({ name }) => name).join(', ')

function readCondition(reading: Reading, file: OpenFile, path: YamlPath, raw: Raw): Condition | undefined {
  const wrong = (at: YamlPath, message: string): undefined => {
    reading.faults.push(file.fault([...path, ...at], message))
  }
  const kinds = KINDS.filter(({ name }) => raw[name] !== undefined)
  const [kind, other] = kinds
  if (kind === undefined) return wrong([], `expected a condition: ${NAMES}`)
  if (other !== undefined) {
    const names = kinds.map(({ name }) => name).join(' or ')
    return wrong([other.name], `one condition only: ${names}; put several under "all:" or "any:"`)
  }
  const stray = Object.keys(raw).find(key => COMPANIONS.has(key) && !(key in kind.companions))
  if (stray !== undefined) return wrong([stray], `"${stray}" has no meaning for "${kind.name}"`)
  const inner = (at: YamlPath, one: Raw) => readCondition(reading, file, [...path, ...at], one)
  const own = kind.read(raw, { lists: reading.lists, wrong, inner })
  return own === undefined ? undefined : { kind, own }
}
