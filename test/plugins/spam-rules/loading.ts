/** Rule sets out of YAML text, for tests: one file of shipped rules, and the admin's own when there is one. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { filesIn } from '../../../core/config/files.js'
import { messageOf } from '../../../core/storage/message.js'
import type { RuleSet } from '../../../plugins/spam-rules/evaluate.js'
import { mailOf } from '../../../plugins/spam-rules/example.js'
import type { Guard } from '../../../plugins/spam-rules/guard.js'
import { loadRules } from '../../../plugins/spam-rules/index.js'
import { findingsIn } from '../../../plugins/spam-rules/try.js'

const folder = mkdtempSync(join(tmpdir(), 'spam-rules-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let count = 0

/** `guard`: left out, with the limits of a server. */
export async function load(yaml: string, local?: string, guard?: Guard): Promise<RuleSet> {
  const base = join(folder, String(count++))
  mkdirSync(join(base, 'rules'), { recursive: true })
  writeFileSync(join(base, 'rules', 'a.yaml'), yaml)
  if (local !== undefined) writeFileSync(join(base, 'local.yaml'), local)
  return loadRules(filesIn(base), join(base, 'rules'), 'local.yaml', undefined, guard)
}

/** One rule as YAML. `more`: further lines of it. */
export function aRule(name: string, condition: string, points = 1.5, more = ''): string {
  const lines = [`points: ${points}`, `says: 'Found {found}'`, 'hits: [x]', 'misses: [y]', condition, more]
  return `  - name: ${name}\n${lines
    .filter(line => line !== '')
    .map(line => `    ${line.replaceAll('\n', '\n    ')}\n`)
    .join('')}`
}

/** What a condition shows of an example mail; nothing: it does not hold. */
export async function found(condition: string, mail: string): Promise<string | undefined> {
  const set = await load(`rules:\n${aRule('the-rule', condition)}`)
  return (await findingsIn(set, messageOf, mailOf(mail)))
    .find(({ name }) => name === 'the-rule')
    ?.says.replace('Found ', '')
}

/** `name points` of every finding in an example mail. */
export async function told(set: RuleSet, mail: string): Promise<readonly string[]> {
  return (await findingsIn(set, messageOf, mailOf(mail))).map(({ name, points, shadow }) =>
    shadow === undefined ? `${name} ${points}` : `${name} ${points} (${shadow})`,
  )
}

/** The admin's file beside a folder of rules. */
export async function loadBeside(rules: string, local: string, guard?: Guard): Promise<RuleSet> {
  const base = join(folder, String(count++))
  mkdirSync(base, { recursive: true })
  writeFileSync(join(base, 'local.yaml'), local)
  return loadRules(filesIn(base), rules, 'local.yaml', undefined, guard)
}
