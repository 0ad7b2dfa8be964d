/**
 * Reads rule files into rules, collecting every fault with its place. Lists, groups and changes of later files (the admin's) add to and override
 * those of earlier ones; a rule name may stand once in all of them. All or nothing: with a fault in one file there are no rules.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Fault, Files } from 'posthouse/api'
import { namesInList } from 'posthouse/text'
import { withChanges } from './adjust.js'
import type { Guard } from './guard.js'
import { readRule } from './read-rule.js'
import { type OpenFile, Reading } from './reading.js'
import type { Group, Rule } from './rule.js'
import { RULE_FILE } from './schema.js'

export interface RuleFiles {
  readonly rules: readonly Rule[]
  readonly groups: ReadonlyMap<string, Group>
  readonly faults: readonly Fault[]
}

/** `local`: the admin's own, which may be missing, and come last so that they count. */
export async function readRules(
  files: Files,
  shipped: readonly string[],
  local: readonly string[],
  guard: Guard,
  listeners?: readonly string[],
): Promise<RuleFiles> {
  const reading = new Reading(guard, listeners)
  const open: OpenFile[] = []
  for (const path of shipped) open.push(await openFile(files, path, true))
  for (const path of local) open.push(await openFile(files, path, false))
  for (const file of open) reading.faults.push(...file.faults)
  for (const file of open) await gatherLists(reading, file)
  for (const file of open) gatherGroups(reading, file)
  const rules = new Map<string, Rule>()
  for (const file of open) gatherRules(reading, file, rules)
  return { rules: withChanges(reading, open, rules), groups: reading.groups, faults: reading.faults }
}

async function openFile(files: Files, path: string, shipped: boolean): Promise<OpenFile> {
  // The schema is put together from the kinds of conditions, so its type cannot be derived.
  const file = (await files.yaml(path, RULE_FILE, { optional: !shipped, large: true })) as Omit<OpenFile, 'shipped'>
  return { ...file, shipped }
}

function gatherRules(reading: Reading, file: OpenFile, rules: Map<string, Rule>): void {
  for (const [index, raw] of (file.value?.rules ?? []).entries()) {
    const there = rules.get(raw.name)
    const path = ['rules', index]
    if (there !== undefined) {
      const { place } = there
      reading.wrong(file, [...path, 'name'], `${raw.name} stands already at ${place.file}:${place.line}`)
      continue
    }
    const rule = readRule(reading, file, path, raw)
    if (rule !== undefined) rules.set(rule.name, rule)
  }
}

async function gatherLists(reading: Reading, file: OpenFile): Promise<void> {
  for (const [name, entries] of Object.entries(file.value?.lists ?? {})) {
    const list = reading.lists.get(name) ?? new Set()
    const named = 'file' in entries ? await namesOf(reading, file, name, entries.file) : entries
    for (const entry of named) list.add(entry.toLowerCase())
    reading.lists.set(name, list)
  }
}

/** Others read the same text files. */
async function namesOf(reading: Reading, file: OpenFile, list: string, path: string): Promise<Iterable<string>> {
  try {
    return namesInList(await readFile(resolve(dirname(file.path), path), 'utf8'))
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? error.code : error
    reading.wrong(file, ['lists', list, 'file'], `${path} cannot be read: ${why}`)
    return []
  }
}

function gatherGroups({ groups }: Reading, file: OpenFile): void {
  for (const [name, { findings = [], ...said }] of Object.entries(file.value?.groups ?? {})) {
    const there = groups.get(name)
    groups.set(name, { ...there, ...said, name, findings: [...(there?.findings ?? []), ...findings] })
  }
}
