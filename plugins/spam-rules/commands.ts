/**
 * `posthouse rules …`: proves rules by their examples, lists them, and tries them on mail in files. All of it is pure reading:
 * nothing is sent, stored or learnt.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, CommandError, type CommandRun, type Finding, readMailFile } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { RuleSet } from './evaluate.js'
import { mailOf } from './example.js'
import { askedAbout, type MessageOf } from './example-asked.js'
import { Facts } from './facts.js'
import type { Position, Rule } from './rule.js'

export interface Failure extends Position {
  readonly rule: string
  readonly message: string
}

export function ruleCommands(rules: () => Promise<RuleSet>, messageOf: MessageOf): readonly Command[] {
  return [
    {
      name: 'rules test',
      summary: 'check every rule against its own examples',
      arity: [0, 0],
      run: async run => test(await rules(), messageOf, run),
    },
    {
      name: 'rules list',
      summary: 'list the rules with their points',
      arity: [0, 0],
      run: async run => list(await rules(), run),
    },
    {
      name: 'rules try',
      summary: 'score mail in files or folders and say why; nothing is changed',
      usage: 'FILE…',
      arity: [1, 100_000],
      options: {
        summary: { type: 'boolean', description: 'only how many reach the threshold, and how often each rule fired' },
        threshold: { type: 'string', value: 'POINTS', description: 'what counts as spam; default 5' },
      },
      run: async run => tryOn(await rules(), messageOf, run),
    },
  ]
}

export async function failuresOf(set: RuleSet, messageOf: MessageOf): Promise<readonly Failure[]> {
  const failures: Failure[] = []
  for (const rule of set.rules) {
    for (const [examples, wanted] of [
      [rule.hits, true],
      [rule.misses, false],
    ] as const) {
      for (const { text, place } of examples) {
        const found = (await findingsIn(set, messageOf, mailOf(text))).find(({ name }) => name === rule.name)
        if ((found !== undefined) === wanted) continue
        const shown = printable(text.trim().replace(/\s+/g, ' '), 60)
        const message = wanted
          ? `${rule.name} does not find: ${shown}`
          : `${rule.name} should leave this alone: ${shown} (${found!.says})`
        failures.push({ rule: rule.name, message, ...place })
      }
    }
  }
  return failures
}

export async function findingsIn(set: RuleSet, messageOf: MessageOf, bytes: Buffer): Promise<readonly Finding[]> {
  return set.evaluate(await Facts.of(askedAbout(messageOf(bytes))))
}

async function test(set: RuleSet, messageOf: MessageOf, run: CommandRun): Promise<number> {
  const failures = await failuresOf(set, messageOf)
  const examples = set.rules.reduce((sum, rule) => sum + rule.hits.length + rule.misses.length, 0)
  if (run.json) run.print(JSON.stringify({ rules: set.rules.length, examples, failures }, null, 2))
  else {
    for (const { file, line, column, message } of failures) run.print(`${file}:${line}:${column}: ${message}`)
    run.print(`${set.rules.length} rules, ${examples} examples, ${failures.length} failures`)
  }
  return failures.length === 0 ? 0 : 1
}

function list(set: RuleSet, run: CommandRun): Promise<void> {
  const rows = [...set.rules].sort((a, b) => Math.abs(b.points) - Math.abs(a.points))
  const row = ({ name, points, says, place }: Rule) => ({ name, points, says, place: `${place.file}:${place.line}` })
  if (run.json) run.print(JSON.stringify(rows.map(row), null, 2))
  else for (const { name, points, says } of rows) run.print(`${points.toFixed(1).padStart(5)}  ${name}: ${says}`)
  return Promise.resolve()
}

interface Tried {
  readonly file: string
  readonly sum: number
  readonly findings: readonly Finding[]
}

async function tryOn(set: RuleSet, messageOf: MessageOf, run: CommandRun): Promise<void> {
  const threshold = Number(run.options.threshold ?? 5)
  if (!Number.isFinite(threshold)) throw new CommandError('--threshold: expected a number of points')
  const counts = new Map<string, number>()
  let tried = 0
  let over = 0
  for await (const file of filesIn(run.args)) {
    const findings = await findingsIn(set, messageOf, await readMailFile(file))
    const sum = sumOf(findings)
    tried++
    if (sum >= threshold) over++
    for (const { name } of findings) counts.set(name, (counts.get(name) ?? 0) + 1)
    if (run.options.summary !== true) printOne(run, { file, sum, findings })
  }
  if (run.options.summary === true) printSummary(run, { threshold, tried, over, counts })
}

function printOne(run: CommandRun, tried: Tried): void {
  if (run.json) {
    run.print(JSON.stringify(tried))
    return
  }
  run.print(`${tried.sum.toFixed(1).padStart(5)}  ${tried.file}`)
  for (const { name, points, says } of tried.findings)
    run.print(`       ${points.toFixed(1).padStart(5)}  ${name}: ${says}`)
}

function printSummary(
  run: CommandRun,
  {
    threshold,
    tried,
    over,
    counts,
  }: { threshold: number; tried: number; over: number; counts: ReadonlyMap<string, number> },
): void {
  const share = tried === 0 ? 0 : (100 * over) / tried
  if (run.json) run.print(JSON.stringify({ threshold, messages: tried, over, rules: Object.fromEntries(counts) }))
  else {
    run.print(`${over} of ${tried} messages (${share.toFixed(2)} %) have ${threshold} points or more`)
    for (const [name, count] of [...counts].sort((a, b) => b[1] - a[1]))
      run.print(`${String(count).padStart(7)}  ${name}`)
  }
}

/** Rounded, so that 0.1 + 0.2 is 0.3. */
export function sumOf(findings: readonly Finding[]): number {
  return Math.round(findings.reduce((sum, { points }) => sum + points, 0) * 1000) / 1000
}

/** Files as they are, folders with all that is in them, in order. */
async function* filesIn(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) {
    const facts = await stat(path).catch(() => undefined)
    if (facts === undefined) throw new CommandError(`there is no file ${path}`)
    if (facts.isDirectory()) yield* filesIn((await readdir(path)).sort().map(name => join(path, name)))
    else yield path
  }
}
