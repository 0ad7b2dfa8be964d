/**
 * `posthouse rules fit`: points fitted to mail of this site whose kind is known, tried on mail they have not seen, and told as a diff for eyes. Nothing is
 * changed unless `--write` says where.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { CommandError, type CommandOption, type CommandRun, type Message, readMailFile } from 'posthouse/api'
import type { RuleSet } from './evaluate.js'
import type { FactsOf } from './example-asked.js'
import type { Facts } from './facts.js'
import { type Case, type Column, fitPoints, type Hit, TERMS, type Terms } from './fit.js'
import { checkFit, PARTINGS, type Parting, rounded } from './fit-check.js'
import { fitReport, patchLines, pointLines, reportLines, type Standing } from './fit-report.js'
import { Progress } from './progress.js'
import { pointsOf, type Rule } from './rule.js'
import { filesIn, hitsIn } from './try.js'

export const FIT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  by: {
    type: 'string',
    value: 'PARTING',
    description:
      'how points are tried on mail they were not fitted to: source (each folder by the others), time, chance',
  },
  threshold: { type: 'string', value: 'POINTS', description: `what counts as spam; default ${TERMS.threshold}` },
  pull: {
    type: 'string',
    value: 'N',
    description: `how strongly points are held where they are, in messages; default ${TERMS.pull}`,
  },
  'ham-weight': {
    type: 'string',
    value: 'N',
    description: `what an honest message weighs against a spam; default ${TERMS.hamWeight}`,
  },
  most: { type: 'string', value: 'POINTS', description: 'most that a rule may have; default 3.5' },
  change: { type: 'string', value: 'POINTS', description: 'most that a rule may change by; default 1.5' },
  write: { type: 'string', value: 'FILE', description: 'write `points:` into a new file, to be put into local.yaml' },
  patch: { type: 'boolean', description: 'print a patch of the rule files instead of `points:`' },
}

interface Limits {
  readonly most: number
  readonly change: number
}

/** Arguments are folders with `ham` and `spam` in them (or one of the two); each is a source. */
export async function fitCommand(set: RuleSet, factsOf: FactsOf, run: CommandRun): Promise<void> {
  const terms = termsOf(run)
  const limits = { most: numberOf(run, 'most', 3.5), change: numberOf(run, 'change', 1.5) }
  const by = partingOf(run)
  const rules = set.rules.filter(rule => pointsOf(rule) !== 0 && !rule.shadow)
  const columns = rules.map(rule => columnOf(rule, limits))
  const cases = await casesOf(set, columns, factsOf, run.args)
  if (!cases.some(({ spam }) => spam) || cases.every(({ spam }) => spam))
    throw new CommandError('fitting wants honest mail and spam: DIR/ham and DIR/spam')
  const groups = set.groups
  const points = rounded(fitPoints(columns, cases, groups, terms))
  const parts = checkFit(by, { columns, cases, groups, terms })
  const report = fitReport({ columns, cases, groups, terms, points, parts })
  const lines = run.options.patch === true ? await patchOf(rules, report) : pointLines(report)
  if (run.json) run.print(JSON.stringify({ ...report, lines }, null, 2))
  else for (const line of [...reportLines(report), '', ...lines]) run.print(line)
  if (parts.length === 0) run.warn('Not tried on anything it has not seen: that wants several sources, or --by time')
  if (typeof run.options.write === 'string') await writeNew(run.options.write, pointLines(report))
}

function termsOf(run: CommandRun): Terms {
  return {
    ...TERMS,
    threshold: numberOf(run, 'threshold', TERMS.threshold),
    pull: numberOf(run, 'pull', TERMS.pull),
    hamWeight: numberOf(run, 'ham-weight', TERMS.hamWeight),
  }
}

function numberOf({ options }: CommandRun, name: string, usual: number): number {
  const value = options[name] === undefined ? usual : Number(options[name])
  if (!(value > 0 && value <= 1000)) throw new CommandError(`--${name}: expected a number above 0, up to 1000`, 2)
  return value
}

function partingOf({ options }: CommandRun): Parting {
  const wanted = options.by ?? 'source'
  const found = PARTINGS.find(one => one === wanted)
  if (found === undefined) throw new CommandError(`--by: expected ${PARTINGS.join(', ')}`, 2)
  return found
}

/** Its sign is a matter of sense, not of one site's mail. */
function columnOf(rule: Rule, { most, change }: Limits): Column {
  const points = pointsOf(rule)
  const { name, group } = rule
  const bounds =
    points > 0
      ? { least: Math.max(0, points - change), most: Math.max(points, Math.min(most, points + change)) }
      : { least: Math.min(points, Math.max(-most, points - change)), most: Math.min(0, points + change) }
  return { name, points, ...bounds, ...(group !== undefined && { group }) }
}

async function casesOf(
  set: RuleSet,
  columns: readonly Column[],
  factsOf: FactsOf,
  folders: readonly string[],
): Promise<readonly Case[]> {
  const places = new Map(columns.map(({ name }, at) => [name, at]))
  const progress = new Progress('mails')
  const cases: Case[] = []
  for (const folder of folders) {
    const found = await labelsIn(folder)
    for (const label of found) {
      for await (const file of filesIn([join(folder, label)])) {
        const facts = await factsOf(await readMailFile(file))
        const hits = await hitsOf(set, places, facts)
        cases.push({
          spam: label === 'spam',
          source: basename(resolve(folder)),
          at: timeOf(facts.message),
          fixed: 0,
          hits,
        })
        progress.at(cases.length, Date.now())
      }
    }
  }
  progress.over()
  return cases
}

async function labelsIn(folder: string): Promise<readonly ('ham' | 'spam')[]> {
  const names: readonly string[] = await readdir(folder).catch(() => [])
  const found = (['ham', 'spam'] as const).filter(name => names.includes(name))
  if (found.length === 0) throw new CommandError(`${folder} has neither ham nor spam in it: they are folders of mail`)
  return found
}

async function hitsOf(set: RuleSet, places: ReadonlyMap<string, number>, facts: Facts): Promise<readonly Hit[]> {
  const hits: Hit[] = []
  for (const { rule, outcome } of await hitsIn(set, facts)) {
    const column = places.get(rule.name)
    if (column !== undefined && outcome.kind === 'found') hits.push({ column, times: outcome.times ?? 1 })
  }
  return hits
}

/** When it came, as its newest trace field says; 0: nobody knows. */
function timeOf(message: Message): number {
  const received = message.field('received')
  const texts = [received?.slice(received.lastIndexOf(';') + 1), message.field('date')]
  for (const text of texts) {
    const at = Date.parse((text ?? '').replace(/\([^)]*\)/g, ' ').trim())
    if (Number.isFinite(at)) return at
  }
  return 0
}

async function patchOf(rules: readonly Rule[], report: Parameters<typeof patchLines>[0]): Promise<readonly string[]> {
  const standing = new Map<string, Standing>(rules.map(({ name, place }) => [name, place]))
  const files = new Map<string, readonly string[]>()
  for (const { file } of standing.values())
    if (!files.has(file)) files.set(file, (await readFile(file, 'utf8')).split('\n'))
  return patchLines(report, standing, file => files.get(file) ?? [])
}

async function writeNew(path: string, lines: readonly string[]): Promise<void> {
  if (existsSync(path)) throw new CommandError(`${path} is there already and was left alone`)
  await writeFile(path, `${lines.join('\n')}\n`)
}
