/** `posthouse rules …`: proves rules by their examples, lists them, tries them on mail in files and counts what they do. */
import { type Command, type CommandRun, type Finding, readMailFile } from 'posthouse/api'
import type { RuleSet } from './evaluate.js'
import { type FactsOf, factsAbout, type MessageOf } from './example-asked.js'
import { FIT_OPTIONS, fitCommand } from './fit-command.js'
import type { BrandTable } from './origin/brands.js'
import { Progress } from './progress.js'
import { JUNK_LINE, pointsOf, type Rule } from './rule.js'
import { type Seen, seenIn, sentences } from './seen.js'
import { STATS_OPTIONS, stats } from './stats.js'
import { failuresOf, filesIn, sumOf, thresholdOf } from './try.js'

/** `brands`: those of this site; left out, those that are shipped. Examples of rules are told by the shipped ones alone. */
export function ruleCommands(
  rules: () => Promise<RuleSet>,
  messageOf: MessageOf,
  brands?: () => BrandTable,
): readonly Command[] {
  const factsOf: FactsOf = bytes => factsAbout(messageOf(bytes), brands?.())
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
        threshold: { type: 'string', value: 'POINTS', description: `what counts as spam; default ${JUNK_LINE}` },
      },
      run: async run => tryOn(await rules(), factsOf, run),
    },
    {
      name: 'rules stats',
      summary: 'count what each rule finds in good mail and in spam, which overlap, and which find nothing',
      usage: '--ham PATH --spam PATH',
      arity: [0, 0],
      options: STATS_OPTIONS,
      run: async run => stats(await rules(), factsOf, run),
    },
    {
      name: 'rules fit',
      summary: 'fit points to mail whose kind is known, try them on mail they have not seen, and show the change',
      usage: 'DIR…',
      arity: [1, 1000],
      options: FIT_OPTIONS,
      run: async run => fitCommand(await rules(), factsOf, run),
    },
  ]
}

async function test(set: RuleSet, messageOf: MessageOf, run: CommandRun): Promise<number> {
  const failures = await failuresOf(set, messageOf)
  const examples = set.rules.reduce((sum, rule) => sum + rule.hits.length + rule.misses.length, 0)
  if (run.json) run.print(JSON.stringify({ rules: set.rules.length, examples, failures }, null, 2))
  else {
    for (const { file, line, column, message } of failures) run.print(`${file}:${line}:${column}: ${message}`)
    run.print(
      `${set.rules.length} rules, ${examples} examples, ${failures.length} ${failures.length === 1 ? 'failure' : 'failures'}`,
    )
  }
  return failures.length === 0 ? 0 : 1
}

function list(set: RuleSet, run: CommandRun): Promise<void> {
  const rows = [...set.rules].sort((a, b) => Math.abs(pointsOf(b)) - Math.abs(pointsOf(a)))
  const groups = [...set.groups.values()]
  if (run.json) {
    run.print(JSON.stringify({ rules: rows.map(listed), groups }, null, 2))
    return Promise.resolve()
  }
  for (const rule of rows) run.print(`${worthOf(rule).padStart(6)}  ${rule.name}: ${rule.says}${remarks(rule)}`)
  for (const { name, cap, floor } of groups) {
    const bounds = [cap === undefined ? '' : `at most ${cap}`, floor === undefined ? '' : `at least ${floor}`]
    const said = bounds.filter(bound => bound !== '').join(' and ')
    if (said !== '') run.print(`group ${name}: ${said} points together`)
  }
  return Promise.resolve()
}

function listed(rule: Rule) {
  const { name, effect, says, group, shadow, shipped, place } = rule
  return {
    name,
    ...(effect.kind === 'points' ? { points: effect.points } : { discount: effect }),
    says,
    ...(group !== undefined && { group }),
    ...(shadow && { shadow }),
    shipped,
    place: `${place.file}:${place.line}`,
  }
}

function worthOf({ effect }: Rule): string {
  return effect.kind === 'points' ? effect.points.toFixed(1) : `-${effect.percent} %`
}

function remarks({ group, shadow, scope }: Rule): string {
  const told = [
    group === undefined ? '' : `group ${group}`,
    shadow ? 'only tried out' : '',
    scope.only === undefined && scope.except === undefined ? '' : 'not for everybody',
  ].filter(remark => remark !== '')
  return told.length === 0 ? '' : ` [${told.join(', ')}]`
}

interface Tried {
  readonly file: string
  readonly sum: number
  readonly findings: readonly Finding[]
  readonly seen: Seen
}

async function tryOn(set: RuleSet, factsOf: FactsOf, run: CommandRun): Promise<void> {
  const threshold = thresholdOf(run)
  const counts = new Map<string, number>()
  let tried = 0
  let over = 0
  const progress = new Progress('mails')
  for await (const file of filesIn(run.args)) {
    const facts = await factsOf(await readMailFile(file))
    const findings = await set.evaluate(facts)
    const sum = sumOf(findings)
    tried++
    if (sum >= threshold) over++
    for (const { name } of findings) counts.set(name, (counts.get(name) ?? 0) + 1)
    if (run.options.summary === true) progress.at(tried, Date.now())
    else printOne(run, { file, sum, findings, seen: seenIn(facts) })
  }
  progress.over()
  if (run.options.summary === true) printSummary(run, { threshold, tried, over, counts })
}

/** The dearest first; caps and discounts last, as they follow from the others. */
function printOne(run: CommandRun, { file, sum, findings, seen }: Tried): void {
  if (run.json) {
    run.print(JSON.stringify({ file, sum, findings, seen }))
    return
  }
  run.print(`${sum.toFixed(1).padStart(6)}  ${file}`)
  for (const { name, points, shadow, says, evidence } of findings) {
    const worth = shadow === undefined ? points.toFixed(1) : `(${shadow.toFixed(1)})`
    run.print(`      ${worth.padStart(6)}  ${name}: ${says}`)
    for (const piece of evidence ?? []) run.print(`              · ${piece}`)
  }
  for (const sentence of sentences(seen)) run.print(`        ${sentence}`)
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
