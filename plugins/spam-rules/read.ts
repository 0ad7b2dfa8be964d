/**
 * Reads rule files into rules, collecting every fault with its place. Lists and points of later files (the admin's) add to and
 * override those of earlier ones; a rule name may stand once in all of them.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Fault, Files, YamlFile, YamlPath } from 'posthouse/api'
import { closest, namesInList } from 'posthouse/text'
import { foldPhrase } from './fold.js'
import { refusePattern } from './pattern.js'
import { type Condition, type Example, type Rule, TESTS_WITH_LIST, ZONES } from './rule.js'
import { type RawCondition, type RawFile, type RawRule, RULE_FILE } from './schema.js'

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

function readRule(reading: Reading, file: OpenFile, path: YamlPath, raw: RawRule): Rule {
  return {
    name: raw.name,
    points: raw.points,
    says: raw.says,
    condition: readCondition(reading, file, path, raw),
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

function placeOf(file: OpenFile, path: YamlPath): Rule['place'] {
  return { file: file.fault([], '').file, ...file.at(path) }
}

const KINDS = ['words', 'field', 'text', 'origin', 'letters', 'all', 'any', 'not'] as const
type Kind = (typeof KINDS)[number]
/** Which further keys a kind of condition has. */
const COMPANIONS: Readonly<Record<Kind, readonly (keyof RawCondition)[]>> = {
  words: ['where', 'at_least', 'stem'],
  field: ['matches', 'missing'],
  text: ['matches'],
  origin: ['list'],
  letters: ['where', 'at_least'],
  all: [],
  any: [],
  not: [],
}
const COMPANION_KEYS = ['where', 'at_least', 'stem', 'matches', 'missing', 'list'] as const
const NEVER: Condition = { kind: 'any', of: [] }

function readCondition(reading: Reading, file: OpenFile, path: YamlPath, raw: RawCondition): Condition {
  const wrong = (at: YamlPath, message: string): Condition => {
    reading.faults.push(file.fault([...path, ...at], message))
    return NEVER
  }
  const kinds = KINDS.filter(kind => raw[kind] !== undefined)
  const [kind] = kinds
  if (kind === undefined) return wrong([], `expected a condition: ${KINDS.join(', ')}`)
  if (kinds.length > 1)
    return wrong([kinds[1]!], `one condition only: ${kinds.join(' or ')}; put several under "all:" or "any:"`)
  const stray = COMPANION_KEYS.find(key => raw[key] !== undefined && !COMPANIONS[kind].includes(key))
  if (stray !== undefined) return wrong([stray], `"${stray}" has no meaning for "${kind}"`)
  switch (kind) {
    case 'words':
      return readWords(raw, wrong)
    case 'field':
      return readField(raw, wrong)
    case 'text':
      return { kind, text: raw.text!, matches: pattern(raw, 'text', wrong) ?? /(?!)/ }
    case 'origin':
      return readOrigin(reading, raw, wrong)
    case 'letters':
      return readLetters(raw, wrong)
    default:
      return { kind, of: raw[kind]!.map((inner, index) => readCondition(reading, file, [...path, kind, index], inner)) }
  }
}

type Wrong = (at: YamlPath, message: string) => Condition

function readWords(raw: RawCondition, wrong: Wrong): Condition {
  const phrases = raw.words!
  const empty = phrases.findIndex(phrase => foldPhrase(phrase).trim() === '')
  if (empty !== -1) return wrong(['words', empty], 'expected letters, digits or money signs')
  const where = raw.where ?? ['anywhere']
  const zones = where.includes('anywhere') ? ZONES : ZONES.filter(zone => where.includes(zone))
  const atLeast = raw.at_least ?? 1
  if (atLeast > phrases.length) return wrong(['at_least'], `there are only ${phrases.length} words`)
  return { kind: 'words', phrases, where: zones, atLeast, ...(raw.stem !== undefined && { stem: raw.stem }) }
}

function readField(raw: RawCondition, wrong: Wrong): Condition {
  const name = raw.field!.toLowerCase()
  if (raw.missing === true) {
    return raw.matches === undefined
      ? { kind: 'field', name, missing: true }
      : wrong(['matches'], 'a missing field matches nothing')
  }
  const matches = raw.matches === undefined ? undefined : pattern(raw, 'field', wrong)
  return { kind: 'field', name, missing: false, ...(matches !== undefined && { matches }) }
}

function pattern(raw: RawCondition, use: 'field' | 'text', wrong: Wrong): RegExp | undefined {
  if (raw.matches === undefined) {
    wrong([use], '"matches" is missing: a regular expression')
    return undefined
  }
  const refused = refusePattern(raw.matches, use)
  if (refused === undefined) return new RegExp(raw.matches, 'iu')
  wrong(['matches'], refused)
  return undefined
}

function readOrigin({ lists }: Reading, raw: RawCondition, wrong: Wrong): Condition {
  const test = raw.origin!
  const wants = TESTS_WITH_LIST.has(test)
  if (!wants)
    return raw.list === undefined
      ? { kind: 'origin', test, list: new Set() }
      : wrong(['list'], `"${test}" takes no list`)
  if (raw.list === undefined) return wrong(['origin'], `"${test}" needs "list:", the name of a list`)
  const list = lists.get(raw.list)
  if (list !== undefined) return { kind: 'origin', test, list }
  const near = closest(raw.list, lists.keys())
  return wrong(['list'], `there is no list "${raw.list}"${near === undefined ? '' : `, did you mean "${near}"?`}`)
}

function readLetters(raw: RawCondition, wrong: Wrong): Condition {
  const test = raw.letters!
  const [where, ...more] = raw.where ?? ['subject']
  if (where === undefined || where === 'anywhere' || more.length > 0)
    return wrong(['where'], 'letter patterns look at one place')
  const share = test === 'capitals' || test === 'symbols'
  const atLeast = raw.at_least ?? (share ? 80 : 1)
  if (share && atLeast > 100) return wrong(['at_least'], `for "${test}" it is a percentage`)
  return { kind: 'letters', test, where, atLeast }
}
