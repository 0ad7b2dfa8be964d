/** Rules asked about mail outside of a session: what each finds, and what there was to see. Pure reading: nothing is sent, stored or learnt. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError, type CommandRun, type Finding } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { Outcome } from './conditions/kind.js'
import type { Hit, RuleSet } from './evaluate.js'
import { mailOf } from './example.js'
import { factsAbout, type MessageOf } from './example-asked.js'
import type { Facts } from './facts.js'
import { JUNK_LINE, type Position, type Rule } from './rule.js'

export interface Failure extends Position {
  readonly rule: string
  readonly message: string
}

export async function failuresOf(set: RuleSet, messageOf: MessageOf): Promise<readonly Failure[]> {
  const failures: Failure[] = []
  for (const rule of set.rules) {
    for (const { text, place } of rule.hits) {
      const outcome = await outcomeOf(set, messageOf, rule, text)
      if (outcome?.kind === 'found') continue
      const why = outcome === undefined ? '' : ` (not known: ${outcome.why})`
      failures.push({ rule: rule.name, message: `${rule.name} does not find: ${shown(text)}${why}`, ...place })
    }
    for (const { text, place } of rule.misses) {
      const outcome = await outcomeOf(set, messageOf, rule, text)
      if (outcome === undefined) continue
      const found = outcome.kind === 'found' ? printable(outcome.text, 60) : 'not known'
      const message = `${rule.name} should leave this alone: ${shown(text)} (found: ${found})`
      failures.push({ rule: rule.name, message, ...place })
    }
  }
  return failures
}

async function outcomeOf(set: RuleSet, messageOf: MessageOf, rule: Rule, example: string): Promise<Outcome> {
  return set.outcome(rule, await factsAbout(messageOf(mailOf(example))))
}

function shown(example: string): string {
  return printable(example.trim().replace(/\s+/g, ' '), 60)
}

/** All rules that hold, the late ones too: for whoever measures or fits them. */
export async function hitsIn(set: RuleSet, facts: Facts): Promise<readonly Hit[]> {
  return (await set.judge(facts)).hits
}

export async function findingsIn(set: RuleSet, messageOf: MessageOf, bytes: Buffer): Promise<readonly Finding[]> {
  return set.evaluate(await factsAbout(messageOf(bytes)))
}

/** `--threshold`: what counts as spam. */
export function thresholdOf({ options }: CommandRun): number {
  const threshold = Number(options.threshold ?? JUNK_LINE)
  if (!Number.isFinite(threshold)) throw new CommandError('--threshold: expected a number of points')
  return threshold
}

/** Rounded, so that 0.1 + 0.2 is 0.3. */
export function sumOf(findings: readonly Finding[]): number {
  return Math.round(findings.reduce((sum, { points }) => sum + points, 0) * 1000) / 1000
}

/** Files as they are, folders with all that is in them, in order; `@list` is a file with a path on each line. */
export async function* filesIn(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) {
    if (path.startsWith('@')) {
      yield* await pathsIn(path.slice(1))
      continue
    }
    const facts = await stat(path).catch(() => undefined)
    if (facts === undefined) throw new CommandError(`there is no file ${path}`)
    if (facts.isDirectory()) yield* filesIn((await readdir(path)).sort().map(name => join(path, name)))
    else yield path
  }
}

async function pathsIn(list: string): Promise<readonly string[]> {
  try {
    return (await readFile(list, 'utf8')).split(/\r?\n/).filter(line => line.trim() !== '')
  } catch {
    throw new CommandError(`there is no file ${list}`)
  }
}
